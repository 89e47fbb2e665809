"""An object was seen: what the ledger makes of it."""

from __future__ import annotations

import pytest
from docusnap.errors import NotUploaded
from docusnap.model import ObjectCreated, OcrMode, Status, WorkState

from tests.contract.ledger.world import BUCKET, CRASH, World, at_once, page_of


def test_an_awaited_upload_is_queued(world: World) -> None:
    document = world.register()
    assert world.put(document.key) == "queued"
    seen = world.see(document)
    assert (seen.served.status, seen.uploaded) == (Status.QUEUED, True)
    assert world.ledger.due() == 1


def test_the_worker_gets_the_version_that_was_seen(world: World) -> None:
    document = world.register()
    world.put(document.key, "etag-7", version_id="v7", sequencer="0A", content_type="image/png")
    version = world.claim().object
    assert (version.bucket, version.key, version.etag, version.version_id, version.size) == (BUCKET, document.key, "etag-7", "v7", 1000)


def test_the_same_version_again_is_a_duplicate(world: World) -> None:
    document = world.upload()
    assert world.put(document.key) == "duplicate"
    world.recognised(document, "text")
    assert world.put(document.key) == "duplicate"
    assert world.ledger.due() == 0


def test_a_later_overwrite_of_a_registered_key_is_ignored(world: World) -> None:
    document = world.recognised(world.upload(), "text")
    assert world.put(document.key, "other") == "ignored"
    assert world.see(document) == document


def test_an_upload_that_comes_after_expired_is_queued(world: World) -> None:
    document = world.register()
    world.later(minutes=17)
    world.ledger.uploads_due(10)
    assert world.ledger.expire_uploads(10) == 1
    assert world.put(document.key) == "queued"
    assert world.recognised(document, "late").served.status is Status.SUCCEEDED


def test_an_upload_that_comes_after_cancelled_stays_cancelled_but_may_be_reprocessed(world: World) -> None:
    document = world.register()
    world.ledger.cancel("acme", document.id)
    with pytest.raises(NotUploaded):
        world.ledger.reprocess("acme", document.id, OcrMode.AUTO)
    assert world.put(document.key) == "ignored"
    assert world.see(document).served.status is Status.CANCELLED
    assert world.ledger.due() == 0
    assert world.ledger.reprocess("acme", document.id, OcrMode.AUTO).newest.status is Status.QUEUED


def test_a_key_that_nobody_registered_is_unknown(world: World) -> None:
    assert world.put(f"uploads/acme-{'f' * 32}") == "unknown"
    assert world.put("elsewhere/a.png") == "unknown"
    assert world.count("document") == 0


def test_a_foreign_object_becomes_a_document_of_the_default_tenant(world: World) -> None:
    document = world.adopt("incoming/2026/scan 1.png", content_type="image/png")
    assert (document.tenant, document.filename, document.foreign) == ("default", "scan 1.png", True)
    assert (document.served.status, document.uploaded, document.upload_expires_at) == (Status.QUEUED, True, None)
    assert world.recognised(document, "text").served.status is Status.SUCCEEDED


def test_a_folder_marker_is_ignored(world: World) -> None:
    assert world.put("incoming/folder/") == "ignored"
    assert world.count("document") == 0


def test_an_overwritten_foreign_object_gets_a_new_revision_and_the_old_text_is_served_until_it_is_done(world: World) -> None:
    document = world.recognised(world.adopt(), "old")
    assert world.put(document.key, "e2") == "queued"
    running = world.see(document)
    assert (running.id, running.served.number, running.newest.number) == (document.id, 1, 2)
    assert world.texts(document) == ["old"]
    assert world.claim().object.etag == "e2"


def test_the_new_text_replaces_the_old_one(world: World) -> None:
    document = world.recognised(world.adopt(), "old")
    world.put(document.key, "e2")
    done = world.recognised(document, "new")
    assert (done.served.number, done.served == done.newest) == (2, True)
    assert world.texts(document) == ["new"]
    assert world.count("page_content") == 1


@pytest.mark.parametrize(
    ("known", "seen", "outcome"),
    [
        ("0055AED6DCD90281E5", "0055AED6DCD90281E4", "ignored"),
        ("0055AED6DCD90281E5", "0055AED6DCD90281E6", "queued"),
        ("0055aed6", "0055AED5FFFF", "ignored"),
        ("0055AED6", "0055aed601", "queued"),  # the shorter is padded on the right
        (None, "0055AED6", "queued"),  # where one says nothing, HEAD has decided
        ("0055AED6", None, "queued"),
    ],
)
def test_older_never_goes_over_newer(world: World, known: str | None, seen: str | None, outcome: str) -> None:
    document = world.adopt(sequencer=known)
    assert world.put(document.key, "e2", sequencer=seen) == outcome


def test_an_overwrite_before_a_page_was_done_ends_the_running_revision_as_rejected(world: World) -> None:
    document = world.adopt()
    work = world.claim()
    world.put(document.key, "e2")
    seen = world.see(document)
    assert (seen.served.status, seen.newest.number) == (Status.REJECTED, 2)
    assert seen.served.error is not None
    assert seen.served.error.code == "object_changed"
    assert not world.ledger.fail(work, CRASH, retry_in=None, rejected=False)


def test_an_overwrite_after_a_page_was_done_keeps_that_page_as_partial(world: World) -> None:
    document = world.adopt()
    world.split(2)
    world.finish("kept")
    late = world.claim()
    world.put(document.key, "e2")
    seen = world.see(document)
    assert (seen.served.status, seen.newest.status) == (Status.PARTIAL, Status.QUEUED)
    assert not world.ledger.finish(late, page_of(2, "late"))
    assert world.texts(document) == ["kept", None]
    pages = world.ledger.content(document.tenant, document.id, None)[1].pages
    assert [page.status for page in pages] == [WorkState.SUCCEEDED, WorkState.CANCELLED]


def test_ten_arrivals_of_one_version_at_the_same_moment_make_one_revision(world: World) -> None:
    document = world.register()
    outcomes = at_once([lambda: world.put(document.key)] * 10)
    assert sorted(outcomes) == ["duplicate"] * 9 + ["queued"]
    assert (world.count("revision"), world.count("work")) == (1, 1)


def test_ten_sightings_of_one_foreign_object_at_the_same_moment_make_one_document(world: World) -> None:
    outcomes = at_once([lambda: world.put("incoming/a.png")] * 10)
    assert sorted(outcomes) == ["duplicate"] * 9 + ["queued"]
    assert (world.count("document"), world.count("work")) == (1, 1)


def test_an_object_that_arrives_for_a_tombstone_is_due_for_removal_again(world: World) -> None:
    document = world.register()
    world.ledger.delete("acme", document.id)
    world.ledger.removed(document.id)
    assert world.ledger.removals_due(10) == []
    assert world.put(document.key) == "deleted"
    assert [removal.document_id for removal in world.ledger.removals_due(10)] == [document.id]


def test_the_document_of_a_key_is_the_living_one(world: World) -> None:
    document = world.adopt("incoming/a.png")
    found = world.ledger.document_of(BUCKET, "incoming/a.png")
    assert found is not None
    assert found.id == document.id
    world.ledger.delete("default", document.id)
    assert world.ledger.document_of(BUCKET, "incoming/a.png") is None
    assert world.ledger.document_of("other", "incoming/a.png") is None
    assert world.ledger.document_of(BUCKET, "incoming/\0") is None


def test_a_notification_about_nothing_known_is_parked(world: World) -> None:
    world.ledger.park("unknown_key", ObjectCreated("b\0", "k\ud800", None, None, None))
    assert [tuple(row) for row in world.sql("SELECT code, bucket, key FROM parked_event")] == [("unknown_key", "b", "k?")]
