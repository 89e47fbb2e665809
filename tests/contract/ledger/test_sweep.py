"""What sweep finds and mends. A sweep runs every ten seconds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from docusnap.errors import DocumentNotFound
from docusnap.model import DocumentView, ObjectCreated, ObjectVersion, OcrMode, Status, UploadRequest

from tests.contract.ledger.world import BUCKET, World, at_once

YEAR = timedelta(days=365)


def looked_at(world: World, limit: int = 10) -> list[str]:
    return [document.id for document in world.ledger.uploads_due(limit)]


def expire(world: World, document: DocumentView) -> None:
    world.later(minutes=17)
    assert document.id in looked_at(world)
    assert world.ledger.expire_uploads(10) == 1


def test_an_awaited_upload_is_looked_at_by_every_sweep(world: World) -> None:
    document = world.register()
    assert looked_at(world) == []  # its event has only just had the time to come
    for _ in range(3):
        world.later(seconds=10)
        assert looked_at(world) == [document.id]


def test_two_sweeps_at_once_share_the_uploads(world: World) -> None:
    documents = [world.register().id for _ in range(20)]
    world.later(seconds=10)
    shares = at_once([lambda: looked_at(world)] * 2)
    assert sorted(document for share in shares for document in share) == sorted(documents)


def test_those_looked_at_longest_ago_come_first(world: World) -> None:
    documents = []
    for _ in range(3):
        documents.append(world.register().id)
        world.later(seconds=1)
    world.later(seconds=10)
    assert sorted(looked_at(world, 2)) == sorted(documents[:2])


def test_more_uploads_than_a_batch_are_all_looked_at_in_turn(world: World) -> None:
    documents = {world.register().id for _ in range(5)}
    world.later(seconds=10)
    batches = [set(looked_at(world, 2)) for _ in range(3)]
    assert set.union(*batches) == documents
    assert [len(batch) for batch in batches] == [2, 2, 1]


def test_what_has_arrived_is_looked_at_no_more(world: World) -> None:
    world.upload()
    world.adopt()
    world.later(minutes=1)
    assert looked_at(world) == []


def test_an_upload_expires_soon_after_its_url_when_it_was_looked_for_once_more(world: World) -> None:
    document = world.register()
    world.later(minutes=15, seconds=4)
    looked_at(world)
    assert world.ledger.expire_uploads(10) == 0
    world.later(seconds=2)
    assert world.ledger.expire_uploads(10) == 1
    seen = world.see(document)
    assert (seen.served.status, seen.settled, seen.uploaded) == (Status.EXPIRED, True, False)


@pytest.mark.parametrize("phase", range(1, 11))
def test_with_a_sweep_every_ten_seconds_an_upload_is_expired_within_twenty_of_its_urls_end(world: World, phase: int) -> None:
    document = world.ledger.register("acme", BUCKET, UploadRequest("a.png", "image/png"), timedelta(seconds=2), None).document
    world.later(seconds=phase)
    for _ in range(2):
        looked_at(world)
        world.ledger.expire_uploads(10)
        world.later(seconds=10)
    assert world.see(document).served.status is Status.EXPIRED  # the second sweep was at most 20 s after registration


def test_nothing_expires_that_was_not_looked_for_after_its_url_ran_out(world: World) -> None:
    document = world.register()
    world.later(days=3)  # sweep was down
    assert world.ledger.expire_uploads(10) == 0
    assert looked_at(world) == [document.id]
    assert world.ledger.expire_uploads(10) == 1


def test_expiry_is_bounded(world: World) -> None:
    for _ in range(3):
        world.register()
    world.later(minutes=20)
    looked_at(world)
    assert [world.ledger.expire_uploads(2) for _ in range(3)] == [2, 1, 0]


def test_an_expired_upload_is_looked_for_rarely_and_after_an_hour_no_more(world: World) -> None:
    document = world.register()
    expire(world, document)
    world.later(seconds=10)
    assert looked_at(world) == []
    world.later(minutes=5)
    assert looked_at(world) == [document.id]
    world.later(hours=1)
    assert looked_at(world) == [document.id]
    world.later(days=1)
    assert looked_at(world) == []


def listed(key: str, etag: str = "e1") -> ObjectVersion:
    return ObjectVersion(BUCKET, key, etag, 1000)


def test_unknown_is_what_no_document_has_with_this_etag(world: World) -> None:
    world.adopt("incoming/known.png")
    world.adopt("incoming/overwritten.png")
    new = listed("incoming/new.png")
    overwritten = listed("incoming/overwritten.png", "e2")
    assert world.ledger.unknown([listed("incoming/known.png"), overwritten, new]) == [overwritten, new]
    assert world.ledger.unknown([]) == []


def test_a_folder_marker_is_not_unknown(world: World) -> None:
    assert world.ledger.unknown([listed("incoming/folder/")]) == []


def test_a_rejected_object_is_not_unknown(world: World) -> None:
    document = world.adopt()
    world.fail(rejected=True)
    assert world.ledger.unknown([listed(document.key)]) == []


def test_the_object_of_a_tombstone_is_not_unknown(world: World) -> None:
    document = world.adopt()
    world.ledger.delete("default", document.id)
    assert world.ledger.unknown([listed(document.key), listed(document.key, "e2")]) == []


def test_the_same_key_in_another_bucket_is_unknown(world: World) -> None:
    document = world.adopt()
    elsewhere = ObjectVersion("other", document.key, "e1", 1000)
    assert world.ledger.unknown([elsewhere]) == [elsewhere]


def test_an_object_that_lost_to_a_stale_sighting_is_found_again(world: World) -> None:
    document = world.adopt(etag="e1")
    world.put(document.key, "e2")
    world.put(document.key, "e1")  # a HEAD from before the overwrite that was late, with no sequencer to tell
    assert world.ledger.unknown([listed(document.key, "e2")]) == [listed(document.key, "e2")]
    assert world.put(document.key, "e2") == "queued"


def test_retention_counts_from_the_final_status(world: World) -> None:
    document = world.upload()
    world.later(days=400)
    world.recognised(document, "text")
    assert world.ledger.retire(YEAR, 10) == 0
    world.later(days=366)
    assert world.ledger.retire(YEAR, 10) == 1
    with pytest.raises(DocumentNotFound):
        world.see(document)
    assert [removal.key for removal in world.ledger.removals_due(10)] == [document.key]
    assert world.count("page_content") == 0


def test_retention_leaves_alone_what_is_running(world: World) -> None:
    document = world.recognised(world.upload(), "text")
    world.later(days=366)
    world.ledger.reprocess("acme", document.id, OcrMode.AUTO)
    assert world.ledger.retire(YEAR, 10) == 0
    world.failed(document)
    assert world.ledger.retire(YEAR, 10) == 0


def test_retention_does_not_bury_a_reprocess_that_came_between_its_look_and_its_lock(world: World) -> None:
    document = world.recognised(world.upload(), "text")
    world.later(days=366)
    started: list[str] = []

    def reprocess(_connection: sa.Connection, _cursor: Any, text: str, *_more: Any) -> None:
        """Stands for a reprocess that committed after the first statement's snapshot: the second statement is the first to see it."""
        if "SKIP LOCKED" in text and not started:
            started.append(text)
            columns = "document_id, number, served, newest, status, ocr, tenant_id, created_at"
            values = "document_id, 2, false, false, 'queued', ocr, tenant_id, created_at"
            world.sql(f"INSERT INTO revision ({columns}) SELECT {values} FROM revision")  # noqa: S608  no value of a stranger's

    sa.event.listen(sa.Engine, "after_cursor_execute", reprocess)
    try:
        assert world.ledger.retire(YEAR, 10) == 0
    finally:
        sa.event.remove(sa.Engine, "after_cursor_execute", reprocess)
    assert (len(started), world.texts(document)) == (1, ["text"])


def test_retention_is_bounded_and_takes_the_oldest_first(world: World) -> None:
    documents = []
    for _ in range(3):
        documents.append(world.recognised(world.upload(), "text"))
        world.later(days=1)
    world.later(days=366)
    assert world.ledger.retire(YEAR, 2) == 2
    assert [document.id for document in world.ledger.documents("acme", None, 10, None).items] == [documents[2].id]


def test_expired_documents_are_retired_too(world: World) -> None:
    expire(world, world.register())
    world.later(days=366)
    assert world.ledger.retire(YEAR, 10) == 1


def test_a_cursor_is_kept_by_its_name(world: World) -> None:
    assert world.ledger.cursor("docusnap/incoming/") is None
    world.ledger.set_cursor("docusnap/incoming/", "incoming/b")
    world.ledger.set_cursor("other", "x")
    assert world.ledger.cursor("docusnap/incoming/") == "incoming/b"
    world.ledger.set_cursor("docusnap/incoming/", None)
    assert world.ledger.cursor("docusnap/incoming/") is None


def test_old_keys_and_parked_events_and_purged_tombstones_are_forgotten(world: World) -> None:
    document = world.register(key="k")
    world.ledger.park("unknown_key", ObjectCreated(BUCKET, "incoming/x", None, None, None))
    world.ledger.delete("acme", document.id)
    world.later(hours=2)
    world.ledger.removed(document.id)
    assert world.ledger.forget(10) == 0
    world.later(hours=24)
    assert world.ledger.forget(10) == 1
    assert [world.count(table) for table in ("idempotency", "parked_event", "document")] == [0, 1, 1]
    world.later(days=30)
    assert world.ledger.forget(10) == 2
    assert [world.count(table) for table in ("parked_event", "document")] == [0, 0]


def test_forgetting_is_bounded_however_postgresql_goes_about_it(world: World) -> None:
    world.sql("ANALYZE idempotency")  # of a table that it knows to be tiny it may ask a subquery anew for each row
    for number in range(3):
        world.register(key=f"k{number}")
    world.later(hours=25)
    assert [world.ledger.forget(2) for _ in range(3)] == [2, 1, 0]


def test_what_is_due_is_counted_up_to_a_hundred(world: World) -> None:
    world.upload()
    world.split(150)
    assert world.ledger.due() == 100
