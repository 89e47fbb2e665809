"""Documents over HTTP: register, upload, look, cancel, delete."""

from __future__ import annotations

from tests.support.api import Server, Tenant


def test_a_document_is_registered_uploaded_and_queued(server: Server, alice: Tenant, bucket: str) -> None:
    document = alice.send(b"abc")
    told = alice.notify(f"uploads/alice-{document}", bucket=bucket)
    assert (told.status_code, told.json()) == (200, {"records": 1, "queued": 1, "parked": 0})
    shown = alice.get(f"/v1/documents/{document}").json()
    assert (shown["status"], shown["pages"]) == ("queued", {"total": None, "done": 0, "failed": 0})
