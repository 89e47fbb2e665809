"""The ledger's decisions, without a database."""

from __future__ import annotations

import pytest
from docusnap import ledger
from docusnap.ledger import Known, Pages, Step
from docusnap.model import ObjectVersion, OcrMode, Status, UploadRequest


@pytest.mark.parametrize(
    ("pages", "status"),
    [
        (Pages(done=3, failed=0, rejected=0), Status.SUCCEEDED),
        (Pages(done=1, failed=2, rejected=2), Status.PARTIAL),
        (Pages(done=0, failed=2, rejected=2), Status.REJECTED),
        (Pages(done=0, failed=2, rejected=1), Status.FAILED),
        (Pages(done=0, failed=1, rejected=0), Status.FAILED),
    ],
)
def test_a_revision_ends_as_its_pages_did(pages: Pages, status: Status) -> None:
    assert ledger.final_status(pages) is status


def test_a_revision_whose_object_was_replaced_keeps_what_it_has() -> None:
    assert (ledger.overwritten_status(0), ledger.overwritten_status(1)) == (Status.REJECTED, Status.PARTIAL)
    assert ledger.OVERWRITTEN.code == "object_changed"


@pytest.mark.parametrize("finished", [status for status in Status if status.final])
def test_what_has_pages_to_serve_takes_over_always_and_the_rest_only_from_its_like(finished: Status) -> None:
    rich = finished in {Status.SUCCEEDED, Status.PARTIAL}
    for served in Status:
        assert ledger.takes_over(finished, served) is (rich or served not in {Status.SUCCEEDED, Status.PARTIAL})


@pytest.mark.parametrize("finished", [status for status in Status if status.final])
def test_what_another_version_superseded_takes_over_only_where_there_is_no_text(finished: Status) -> None:
    for served in (status for status in Status if status.final):
        kept = served in {Status.SUCCEEDED, Status.PARTIAL, Status.CANCELLED}
        assert ledger.takes_over(finished, served, superseded=True, served_pages=1) is not kept
        assert ledger.takes_over(finished, served, superseded=True, served_pages=0)


@pytest.mark.parametrize(
    ("seen", "known", "older"),
    [
        ("0055AED6DCD90281E5", "0055AED6DCD90281E6", True),
        ("0055AED6DCD90281E6", "0055AED6DCD90281E5", False),
        ("0055AED6DCD90281E5", "0055AED6DCD90281E5", False),
        ("0055aed6dcd90281e5", "0055AED6DCD90281E6", True),
        ("17B", "17B0001", True),
        ("17B", "17B0000", False),
        ("17C", "17B0001", False),
        (None, "17B", False),
        ("17B", None, False),
    ],
)
def test_sequencers_are_compared_padded_on_the_right(seen: str | None, known: str | None, older: bool) -> None:
    assert ledger.older(seen, known) is older


def known(**but: object) -> Known:
    values: dict[str, object] = {"foreign": False, "deleted": False, "status": Status.PROCESSING, "etag": "e1", "sequencer": "05"}
    return Known(**(values | but))  # type: ignore[arg-type]


OWN, FOREIGN = "uploads/acme-1", "incoming/a.png"


@pytest.mark.parametrize(
    ("key", "etag", "sequencer", "before", "step"),
    [
        (FOREIGN, "e1", None, None, Step.ADOPT),
        (OWN, "e1", None, None, Step.UNKNOWN),
        ("incoming", "e1", None, None, Step.UNKNOWN),
        ("incoming/a/", "e1", None, None, Step.IGNORE),
        (OWN, "e1", None, known(status=Status.AWAITING_UPLOAD, etag=None), Step.QUEUE),
        (OWN, "e1", None, known(status=Status.EXPIRED, etag=None), Step.QUEUE),
        (OWN, "e1", None, known(status=Status.CANCELLED, etag=None), Step.NOTE),
        (OWN, "e1", "09", known(), Step.DUPLICATE),
        (OWN, "e2", "09", known(), Step.IGNORE),
        (OWN, "e2", "09", known(deleted=True), Step.REMOVE),
        (FOREIGN, "e1", "09", known(foreign=True), Step.DUPLICATE),
        (FOREIGN, "e2", "09", known(foreign=True), Step.RENEW),
        (FOREIGN, "e2", None, known(foreign=True), Step.RENEW),
        (FOREIGN, "e2", "04", known(foreign=True), Step.IGNORE),
        (FOREIGN, "e2", "09", known(foreign=True, status=Status.REJECTED), Step.RENEW),
        (FOREIGN, "e2", "09", known(foreign=True, deleted=True), Step.REMOVE),
    ],
)
def test_what_an_object_that_was_seen_means(key: str, etag: str, sequencer: str | None, before: Known | None, step: Step) -> None:
    assert ledger.on_arrival(ObjectVersion("docusnap", key, etag, 1, sequencer=sequencer), before) is step


def test_a_fingerprint_tells_every_member_of_a_request_apart() -> None:
    base = UploadRequest("a.png", "image/png")
    others = [
        UploadRequest("b.png", "image/png"),
        UploadRequest("a.png", "image/jpeg"),
        UploadRequest("a.png", "image/png", size=1),
        UploadRequest("a.png", "image/png", sha256="ab" * 32),
        UploadRequest("a.png", "image/png", method="PUT"),
        UploadRequest("a.png", "image/png", ocr=OcrMode.FORCE),
    ]
    assert ledger.fingerprint(base) == ledger.fingerprint(UploadRequest("a.png", "image/png"))
    assert len({ledger.fingerprint(request) for request in [base, *others]}) == 7


def test_the_filename_of_a_foreign_object_is_the_last_segment_of_its_key() -> None:
    assert ledger.filename_of("incoming/2026/scan 1.png") == "scan 1.png"
