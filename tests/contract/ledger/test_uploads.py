"""Registering an upload, with and without an Idempotency-Key."""

from __future__ import annotations

from datetime import timedelta

import pytest
from docusnap.errors import DocumentDeleted, DocumentNotFound, IdempotencyConflict
from docusnap.model import OcrMode, Progress, Status, UploadRequest

from tests.contract.ledger.world import BUCKET, LIFETIME, World, at_once


def test_a_registered_document_awaits_its_upload_under_a_key_of_its_own(world: World) -> None:
    document = world.register()
    assert document.key == f"uploads/acme-{document.id}"
    assert document.served.status is Status.AWAITING_UPLOAD
    assert document.served == document.newest
    assert document.served.number == 1
    assert document.served.pages == Progress(None, 0, 0)
    assert (document.bucket, document.filename, document.content_type) == (BUCKET, "scan.png", "image/png")
    assert not document.uploaded
    assert not document.foreign
    assert not document.settled


def test_the_upload_expires_after_the_lifetime_by_the_clock_of_the_database(world: World) -> None:
    document = world.register()
    assert document.upload_expires_at == document.created_at + LIFETIME


def test_what_was_declared_reaches_the_worker(world: World) -> None:
    world.upload(sha256="ab" * 32, ocr=OcrMode.FORCE)
    work = world.claim()
    assert (work.sha256, work.ocr, work.tenant) == ("ab" * 32, OcrMode.FORCE, "acme")


def test_a_name_that_the_database_cannot_hold_loses_what_it_cannot_hold(world: World) -> None:
    assert world.register(filename="a\0b\ud800.png").filename == "ab?.png"


def test_without_a_key_each_request_is_a_new_document(world: World) -> None:
    assert world.register().id != world.register().id


def test_the_same_key_and_request_give_the_same_document(world: World) -> None:
    first = world.register(key="k")
    request = UploadRequest("scan.png", "image/png")
    again = world.ledger.register("acme", BUCKET, request, LIFETIME, "k")
    assert (again.document.id, again.created, again.request) == (first.id, False, request)
    assert world.count("document") == 1


def test_a_repeated_request_waits_as_long_as_its_new_url(world: World) -> None:
    first = world.register(key="k")
    world.later(minutes=10)
    again = world.register(key="k")
    assert again.upload_expires_at is not None
    assert again.upload_expires_at > first.upload_expires_at  # type: ignore[operator]


def test_the_same_key_gives_the_present_status_of_what_was_uploaded(world: World) -> None:
    document = world.register(key="k")
    world.put(document.key)
    assert world.register(key="k").served.status is Status.QUEUED


def test_another_body_under_the_same_key_is_a_conflict(world: World) -> None:
    world.register(key="k", size=1)
    with pytest.raises(IdempotencyConflict):
        world.register(key="k", size=2)
    assert world.count("document") == 1


def test_keys_of_two_tenants_do_not_meet(world: World) -> None:
    assert world.register("acme", key="k").id != world.register("zenith", key="k").id


def test_an_expired_document_of_this_key_awaits_its_upload_again(world: World) -> None:
    document = world.register(key="k")
    world.later(minutes=17)
    world.ledger.uploads_due(10)
    world.ledger.expire_uploads(10)
    assert world.see(document).served.status is Status.EXPIRED
    again = world.register(key="k")
    assert (again.id, again.served.status, again.settled) == (document.id, Status.AWAITING_UPLOAD, False)
    world.later(seconds=10)
    assert [due.id for due in world.ledger.uploads_due(10)] == [document.id]
    assert world.put(document.key) == "queued"


def test_the_key_of_a_deleted_document_says_so(world: World) -> None:
    document = world.register(key="k")
    world.ledger.delete("acme", document.id)
    with pytest.raises(DocumentDeleted):
        world.register(key="k")


def test_a_key_of_more_than_a_day_ago_is_new(world: World) -> None:
    first = world.register(key="k", size=1)
    world.later(hours=24, seconds=1)
    second = world.register(key="k", size=2)
    assert second.id != first.id
    assert world.register(key="k", size=2).id == second.id


def test_ten_requests_with_one_key_at_the_same_moment_make_one_document(world: World) -> None:
    documents = at_once([lambda: world.register(key="k")] * 10)
    assert len({document.id for document in documents}) == 1
    assert (world.count("document"), world.count("revision"), world.count("idempotency")) == (1, 1, 1)


def test_requests_that_differ_under_one_key_at_the_same_moment_conflict(world: World) -> None:
    def register(size: int) -> str:
        try:
            return world.register(key="k", size=size).id
        except IdempotencyConflict:
            return "conflict"

    outcomes = at_once([lambda size=size: register(size) for size in range(1, 7)])
    assert outcomes.count("conflict") == 5
    assert world.count("document") == 1


def test_what_waits_is_counted_up_to_the_limit(world: World) -> None:
    world.register()
    assert world.ledger.queued(10) == 0
    for _ in range(3):
        world.upload()
    world.claim()
    assert (world.ledger.queued(10), world.ledger.queued(2)) == (3, 2)


@pytest.mark.parametrize("name", ["reprocess", "cancel", "delete"])
@pytest.mark.parametrize("document_id", ["f" * 32, "", "a\0", "../x", "F" * 32])
def test_an_id_that_nobody_has_is_not_found(world: World, name: str, document_id: str) -> None:
    more = (OcrMode.AUTO,) if name == "reprocess" else ()
    with pytest.raises(DocumentNotFound):
        getattr(world.ledger, name)("acme", document_id, *more)


@pytest.mark.parametrize("name", ["reprocess", "cancel", "delete"])
def test_another_tenants_document_is_not_found_and_not_touched(world: World, name: str) -> None:
    document = world.upload("acme")
    more = (OcrMode.AUTO,) if name == "reprocess" else ()
    with pytest.raises(DocumentNotFound):
        getattr(world.ledger, name)("zenith", document.id, *more)
    assert world.see(document) == document


def test_the_lifetime_is_the_callers(world: World) -> None:
    request = UploadRequest("a.png", "image/png")
    document = world.ledger.register("acme", BUCKET, request, timedelta(seconds=7), None).document
    assert document.upload_expires_at == document.created_at + timedelta(seconds=7)
