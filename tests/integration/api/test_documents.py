"""Documents over HTTP: register, upload, look, cancel, reprocess, delete."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from docusnap.adapters.postgres.ledger import PostgresLedger

from tests.support import recognised
from tests.support.api import Server, Tenant

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def queued(tenant: Tenant, bucket: str, name: str = "alice") -> str:
    document = tenant.send()
    assert tenant.notify(f"uploads/{name}-{document}", bucket=bucket).json()["queued"] == 1
    return document


def test_a_document_is_registered_uploaded_and_queued(alice: Tenant, bucket: str) -> None:
    document = alice.send(b"abc")
    told = alice.notify(f"uploads/alice-{document}", bucket=bucket)
    assert (told.status_code, told.json()) == (200, {"records": 1, "queued": 1, "parked": 0})
    shown = alice.get(f"/v1/documents/{document}").json()
    assert (shown["status"], shown["pages"]) == ("queued", {"total": None, "done": 0, "failed": 0})


def test_a_new_document_shows_only_what_there_is_to_say(alice: Tenant) -> None:
    created = alice.create(filename="名前 a.png")
    assert set(created) == {"id", "status", "upload"}
    shown = alice.get(f"/v1/documents/{created['id']}").json()
    assert set(shown) == {"id", "filename", "content_type", "status", "revision", "pages", "created_at", "updated_at"}
    assert (shown["filename"], shown["revision"]) == ("名前 a.png", 1)
    assert MOMENT.fullmatch(shown["created_at"])
    assert MOMENT.fullmatch(shown["updated_at"])


def test_a_put_is_signed_for_its_type_length_and_first_write_until_it_expires(alice: Tenant) -> None:
    upload = alice.create(size=7)["upload"]
    assert upload["method"] == "PUT"
    sent = {name.lower(): value for name, value in upload["headers"].items()}
    assert (sent["content-type"], sent["if-none-match"]) == ("image/png", "*")
    signed = parse_qs(urlsplit(upload["url"]).query)
    assert signed["X-Amz-Expires"] == ["900"]
    assert {"content-length", "content-type", "if-none-match"} <= set(signed["X-Amz-SignedHeaders"][0].split(";"))
    left = datetime.fromisoformat(upload["expires_at"]) - datetime.now(UTC)
    assert 800 < left.total_seconds() < 1000


def test_without_a_size_a_post_is_signed_and_the_store_takes_it(alice: Tenant, bucket: str) -> None:
    created = alice.create(size=None)
    upload = created["upload"]
    assert upload["method"] == "POST"
    sent = requests.post(upload["url"], data=upload["fields"], files={"file": b"abc"}, timeout=20)
    assert sent.status_code in {200, 204}
    assert alice.notify(f"uploads/alice-{created['id']}", bucket=bucket).json()["queued"] == 1


def test_a_post_with_a_size_takes_exactly_so_many_bytes(alice: Tenant) -> None:
    upload = alice.create(size=3, method="POST")["upload"]
    sent = requests.post(upload["url"], data=upload["fields"], files={"file": b"four"}, timeout=20)
    assert sent.status_code == 400


def test_the_store_refuses_another_type_or_length_than_was_signed(alice: Tenant) -> None:
    upload = alice.create(size=3)["upload"]
    longer = requests.put(upload["url"], data=b"four", headers=upload["headers"], timeout=20)
    other = requests.put(upload["url"], data=b"abc", headers={**upload["headers"], "Content-Type": "text/html"}, timeout=20)
    assert (longer.status_code, other.status_code) == (403, 403)


@pytest.mark.parametrize(
    ("given", "kept"),
    [("/home/me/scan.pdf", "scan.pdf"), ("C:\\Users\\me\\scan.pdf", "scan.pdf"), ("../../scan.pdf", "scan.pdf"), ("scans/", "scans")],
)
def test_of_a_path_only_the_last_segment_is_kept(alice: Tenant, given: str, kept: str) -> None:
    assert alice.get(f"/v1/documents/{alice.create(filename=given)['id']}").json()["filename"] == kept


def test_the_answer_says_where_the_document_is(alice: Tenant) -> None:
    answer = alice.post("/v1/documents", {"filename": "a", "content_type": "image/png"})
    assert answer.headers["Location"] == f"/v1/documents/{answer.json()['id']}"
    assert alice.get(answer.headers["Location"]).status_code == 200


def test_any_printable_type_is_signed_and_a_whole_number_may_be_written_as_a_float(alice: Tenant) -> None:
    created = alice.create(content_type="application/x-made-up; version=1", size=3.0)
    upload = created["upload"]
    assert upload["headers"]["Content-Type"] == "application/x-made-up; version=1"
    assert requests.put(upload["url"], data=b"abc", headers=upload["headers"], timeout=20).status_code == 200


def repeat(tenant: Tenant, key: str, **members: Any) -> requests.Response:
    body = {"filename": "a.png", "content_type": "image/png", "size": 3, **members}
    return tenant.post("/v1/documents", body, headers={"Idempotency-Key": key})


def test_the_same_key_and_body_give_the_same_document_with_its_upload(alice: Tenant) -> None:
    first, second = repeat(alice, "k"), repeat(alice, "k")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] == second.json()["id"]
    assert second.json()["upload"]["method"] == "PUT"


def test_a_repeated_request_shows_the_present_status_without_an_upload_once_it_arrived(alice: Tenant, bucket: str) -> None:
    first = repeat(alice, "k").json()
    requests.put(first["upload"]["url"], data=b"abc", headers=first["upload"]["headers"], timeout=20).raise_for_status()
    alice.notify(f"uploads/alice-{first['id']}", bucket=bucket)
    second = repeat(alice, "k")
    assert (second.status_code, second.json()) == (201, {"id": first["id"], "status": "queued"})


def test_a_key_belongs_to_one_body_and_one_tenant(alice: Tenant, bob: Tenant) -> None:
    mine = repeat(alice, "k")
    assert repeat(alice, "k", size=4).json()["code"] == "idempotency_conflict"
    assert repeat(bob, "k", size=4).json()["id"] != mine.json()["id"]


def test_a_key_of_a_deleted_document_is_used_up(alice: Tenant) -> None:
    alice.call("DELETE", f"/v1/documents/{repeat(alice, 'k').json()['id']}")
    answer = repeat(alice, "k")
    assert (answer.status_code, answer.json()["code"]) == (409, "document_deleted")


def test_cancel_shows_the_document_and_a_second_one_is_late(alice: Tenant, bucket: str) -> None:
    document = queued(alice, bucket)
    first, second = (alice.post(f"/v1/documents/{document}/cancel") for _ in range(2))
    assert (first.status_code, first.json()["status"]) == (202, "cancelled")
    assert (second.status_code, second.json()["code"]) == (409, "already_final")


def test_a_deleted_document_is_gone_at_once(alice: Tenant, bucket: str) -> None:
    document = queued(alice, bucket)
    first, second = (alice.call("DELETE", f"/v1/documents/{document}") for _ in range(2))
    assert (first.status_code, first.content, second.status_code) == (204, b"", 404)
    assert alice.get(f"/v1/documents/{document}").json()["code"] == "document_not_found"
    assert alice.get("/v1/documents").json()["items"] == []


def test_reprocess_shows_the_running_revision_beside_the_served_one(alice: Tenant, bucket: str, ledger: PostgresLedger) -> None:
    document = queued(alice, bucket)
    recognised.recognise(ledger, [["first"]])
    answer = alice.post(f"/v1/documents/{document}/reprocess", {"ocr": "force"})
    assert answer.status_code == 202
    shown = answer.json()
    assert (shown["status"], shown["revision"]) == ("succeeded", 1)
    assert shown["next_revision"] == {"revision": 2, "status": "queued", "pages": {"total": None, "done": 0, "failed": 0}}
    recognised.recognise(ledger, [["second"]])
    shown = alice.get(f"/v1/documents/{document}?wait=5").json()
    assert (shown["revision"], "next_revision" in shown) == (2, False)


def test_a_revision_that_did_not_end_well_stays_in_sight(alice: Tenant, bucket: str, ledger: PostgresLedger) -> None:
    document = queued(alice, bucket)
    recognised.recognise(ledger, [["first"]])
    alice.post(f"/v1/documents/{document}/reprocess")
    recognised.fail(ledger, "corrupt_pdf", rejected=True)
    shown = alice.get(f"/v1/documents/{document}").json()
    assert shown["status"] == "succeeded"
    assert (shown["unserved_revision"]["status"], shown["unserved_revision"]["error"]["code"]) == ("rejected", "corrupt_pdf")
    assert "next_revision" not in shown


def test_a_foreign_object_shows_where_it_came_from(
    server: Server, tenant_of: Any, bucket: str, s3_client: Any, ledger: PostgresLedger
) -> None:
    default = tenant_of(server, "default")
    key = "incoming/2026/re port+é.pdf"
    s3_client.put_object(Bucket=bucket, Key=key, Body=b"abc")
    default.notify(requests.utils.quote(key), bucket=bucket)
    (shown,) = default.get("/v1/documents").json()["items"]
    assert (shown["filename"], shown["source"]) == ("re port+é.pdf", {"bucket": bucket, "key": key})


def test_the_list_is_newest_first_and_its_pages_join_without_a_gap(alice: Tenant) -> None:
    made = [alice.create()["id"] for _ in range(5)]
    got, path = [], "/v1/documents?limit=2"
    while path:
        page = alice.get(path).json()
        got += [item["id"] for item in page["items"]]
        path = f"/v1/documents?limit=2&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    assert got == made[::-1]


def test_the_list_may_be_narrowed_to_a_status(alice: Tenant, bucket: str) -> None:
    alice.create()
    document = queued(alice, bucket)
    assert [item["id"] for item in alice.get("/v1/documents?status=queued").json()["items"]] == [document]


def test_unknown_query_parameters_are_ignored(alice: Tenant) -> None:
    assert alice.get("/v1/documents?colour=red&limit=1").status_code == 200


def test_the_original_is_a_link_that_works(alice: Tenant, bucket: str) -> None:
    document = queued(alice, bucket)
    answer = alice.get(f"/v1/documents/{document}/original")
    assert (answer.status_code, answer.content) == (303, b"")
    assert requests.get(answer.headers["Location"], timeout=20).content == b"abc"
