"""Cancel ends what runs and keeps what is done; DELETE keeps nothing but a tombstone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from docusnap.errors import AlreadyFinal, DocumentNotFound
from docusnap.model import DocumentView, OcrMode, Progress, Status, WorkState
from docusnap.ports import Removal

from tests.contract.ledger.world import CRASH, ENGINE, World, page_of


def test_a_document_that_awaits_its_upload_can_be_cancelled(world: World) -> None:
    document = world.register()
    seen = world.ledger.cancel("acme", document.id)
    assert (seen.served.status, seen.settled) == (Status.CANCELLED, True)
    assert world.ledger.uploads_due(10) == []


def test_cancel_keeps_finished_pages_and_ends_the_others(world: World) -> None:
    document = world.upload()
    world.split(3)
    world.finish("kept")
    world.claim()
    seen = world.ledger.cancel("acme", document.id)
    assert (seen.served.status, seen.served.pages) == (Status.CANCELLED, Progress(3, 1, 0))
    pages = world.ledger.content("acme", document.id, None)[1].pages
    assert [page.status for page in pages] == [WorkState.SUCCEEDED, WorkState.CANCELLED, WorkState.CANCELLED]
    assert world.texts(document) == ["kept", None, None]
    assert world.ledger.claim() is None


def test_a_worker_at_a_cancelled_page_can_write_nothing(world: World) -> None:
    document = world.upload()
    world.split(2)
    work = world.claim()
    cancelled = world.ledger.cancel("acme", document.id)
    assert not world.ledger.finish(work, page_of(1, "late"))
    assert not world.ledger.fail(work, CRASH, retry_in=None, rejected=True)
    assert world.see(document) == cancelled
    assert world.sql("SELECT attempt FROM work WHERE page = 1")[0].attempt > work.attempt  # a second fence beside the state


def test_a_split_of_a_cancelled_document_inserts_nothing(world: World) -> None:
    document = world.upload()
    work = world.claim()
    world.ledger.cancel("acme", document.id)
    assert not world.ledger.split(work, 3, ENGINE)
    world.later(seconds=100)
    assert world.ledger.claim() is None


def test_what_is_final_cannot_be_cancelled(world: World) -> None:
    document = world.recognised(world.upload(), "text")
    with pytest.raises(AlreadyFinal):
        world.ledger.cancel("acme", document.id)


def unreadable(world: World, document: DocumentView) -> None:
    for read in (world.ledger.document, lambda tenant, id_: world.ledger.content(tenant, id_, None)):
        with pytest.raises(DocumentNotFound):
            read(document.tenant, document.id)
    assert world.ledger.documents(document.tenant, None, 10, None).items == []
    assert world.ledger.search(document.tenant, "secret", 10, None).items == []


def test_a_deleted_document_is_unreadable_at_once(world: World) -> None:
    document = world.recognised(world.upload(), "secret")
    world.ledger.delete("acme", document.id)
    unreadable(world, document)


def test_a_second_delete_finds_nothing(world: World) -> None:
    document = world.upload()
    world.ledger.delete("acme", document.id)
    for call in (world.ledger.delete, world.ledger.cancel):
        with pytest.raises(DocumentNotFound):
            call("acme", document.id)


def test_nothing_of_a_deleted_documents_name_or_text_stays_in_the_database(world: World) -> None:
    document = world.recognised(world.upload(filename="secret.pdf"), "secret")
    world.ledger.reprocess("acme", document.id, OcrMode.AUTO)
    world.ledger.delete("acme", document.id)
    assert [world.count(table) for table in ("revision", "work", "page_content")] == [0, 0, 0]
    assert "secret" not in str(world.sql("SELECT * FROM document"))


def test_a_worker_at_a_deleted_document_can_write_nothing(world: World) -> None:
    document = world.upload()
    world.split(1)
    work = world.claim()
    world.ledger.delete("acme", document.id)
    assert not world.ledger.finish(work, page_of(1, "secret"))
    assert not world.ledger.hand_over(work, again_in=timedelta())
    assert world.ledger.claim() is None
    unreadable(world, document)


def test_the_object_of_a_deleted_document_is_due_for_removal_until_the_store_confirms(world: World) -> None:
    document = world.upload()
    world.ledger.delete("acme", document.id)
    removal = Removal(document.id, document.key)
    assert world.ledger.removals_due(10) == [removal]
    world.later(seconds=10)
    assert world.ledger.removals_due(10) == [removal]
    world.later(hours=2)
    world.ledger.removed(document.id)
    world.later(days=1)
    assert world.ledger.removals_due(10) == []


def test_a_tombstone_watches_until_the_slowest_upload_must_have_ended(world: World) -> None:
    document = world.register()
    world.ledger.delete("acme", document.id)
    world.ledger.removed(document.id)
    world.later(minutes=4)
    assert world.ledger.removals_due(10) == []
    world.later(minutes=31)  # its URL has run out; a PUT that began before may still be sending
    assert [removal.document_id for removal in world.ledger.removals_due(10)] == [document.id]
    world.ledger.removed(document.id)
    assert world.sql("SELECT purged_at FROM document")[0].purged_at is None
    world.later(hours=1)
    world.ledger.removed(document.id)
    assert world.sql("SELECT purged_at IS NOT NULL, look_at FROM document")[0] == (True, None)


def test_removals_that_are_being_made_are_not_given_to_another_sweep_at_once(world: World) -> None:
    world.ledger.delete("acme", world.register().id)
    assert len(world.ledger.removals_due(10)) == 1
    assert world.ledger.removals_due(10) == []


def test_telling_of_a_removal_of_a_living_document_changes_nothing(world: World) -> None:
    document = world.upload()
    world.ledger.removed(document.id)
    assert world.see(document) == document


def test_a_deleted_foreign_document_does_not_come_back_by_an_event_that_was_late(world: World) -> None:
    document = world.adopt()
    world.ledger.delete("default", document.id)
    world.ledger.removed(document.id)
    assert world.put(document.key) == "ignored"


def test_a_foreign_key_may_be_used_again_after_its_tombstone_has_done_its_work(world: World) -> None:
    document = world.adopt()
    world.ledger.delete("default", document.id)
    assert world.put(document.key) == "deleted"
    world.ledger.removed(document.id)
    world.later(seconds=20)
    assert world.adopt().id != document.id
    with pytest.raises(DocumentNotFound):
        world.see(document)
