"""Which revision is served: the newest finished one, unless it has less to serve than the one before."""

from __future__ import annotations

import pytest
from docusnap.errors import NotUploaded
from docusnap.ledger import OVERWRITTEN
from docusnap.model import DocumentView, OcrMode, Progress, Status

from tests.contract.ledger.world import BAD_PAGE, CRASH, World, page_of


def reprocess(world: World, document: DocumentView, ocr: OcrMode = OcrMode.AUTO) -> DocumentView:
    return world.ledger.reprocess("acme", document.id, ocr)


def test_a_running_revision_shows_beside_the_served_one(world: World) -> None:
    document = world.recognised(world.upload(), "old", "old")
    running = reprocess(world, document)
    assert running.served == document.served
    assert (running.newest.number, running.newest.status, running.newest.pages) == (2, Status.QUEUED, Progress(None, 0, 0))
    assert not running.settled


def test_a_new_revision_reads_the_same_object_in_the_way_that_was_asked_for(world: World) -> None:
    document = world.upload()
    first = world.claim()
    world.ledger.fail(first, CRASH, retry_in=None, rejected=False)
    reprocess(world, document, OcrMode.FORCE)
    second = world.claim()
    assert (second.object, second.ocr) == (first.object, OcrMode.FORCE)


def test_text_and_search_stay_the_old_ones_until_the_new_are_done(world: World) -> None:
    document = world.recognised(world.upload(), "old one", "old two")
    reprocess(world, document)
    world.split(2)
    world.finish("new one")
    assert world.texts(document) == ["old one", "old two"]
    assert [hit.page for hit in world.ledger.search("acme", "old", 10, None).items] == [1, 2]
    assert world.ledger.search("acme", "new", 10, None).items == []
    assert world.see(document).newest.pages == Progress(2, 1, 0)


def test_a_revision_that_succeeded_replaces_text_and_work_of_the_old_one(world: World) -> None:
    document = world.recognised(world.upload(), "old one", "old two")
    reprocess(world, document)
    done = world.recognised(document, "new one")
    assert (done.served.number, done.served.status, done.served.pages) == (2, Status.SUCCEEDED, Progress(1, 1, 0))
    assert done.served == done.newest
    assert world.texts(document) == ["new one"]
    assert world.ledger.search("acme", "old", 10, None).items == []
    assert (world.count("page_content"), world.count("work")) == (1, 2)


def test_a_running_revision_is_returned_as_it_is(world: World) -> None:
    document = world.recognised(world.upload(), "old")
    first = reprocess(world, document)
    assert reprocess(world, document, OcrMode.FORCE) == first
    assert world.ledger.due() == 1
    queued = world.upload()
    assert reprocess(world, queued) == queued


def test_without_an_object_there_is_nothing_to_reprocess(world: World) -> None:
    with pytest.raises(NotUploaded):
        reprocess(world, world.register())


def test_a_new_revision_that_failed_leaves_the_old_text_served_and_is_seen(world: World) -> None:
    document = world.recognised(world.upload(), "old")
    reprocess(world, document)
    seen = world.failed(document)
    assert (seen.served, seen.newest.status, seen.settled) == (document.served, Status.FAILED, True)
    assert world.texts(document) == ["old"]


def test_a_new_revision_that_was_cancelled_leaves_the_old_text_served(world: World) -> None:
    document = world.recognised(world.upload(), "old")
    reprocess(world, document)
    world.split(2)
    world.finish("half")
    seen = world.ledger.cancel("acme", document.id)
    assert (seen.served, seen.newest.status) == (document.served, Status.CANCELLED)
    assert world.texts(document) == ["old"]


def test_after_one_that_failed_the_next_may_succeed(world: World) -> None:
    document = world.recognised(world.upload(), "old")
    reprocess(world, document)
    world.failed(document)
    reprocess(world, document)
    done = world.recognised(document, "new")
    assert (done.served.number, world.texts(document)) == (3, ["new"])
    assert world.count("page_content") == 1


@pytest.mark.parametrize("rejected", [True, False])
def test_where_nothing_was_served_the_newest_is_served_whatever_it_is(world: World, rejected: bool) -> None:
    document = world.failed(world.upload())
    reprocess(world, document)
    assert world.see(document).served.status is Status.FAILED
    world.fail(rejected=rejected)
    seen = world.see(document)
    assert (seen.served.number, seen.served == seen.newest) == (2, True)


def test_partial_replaces_succeeded_since_it_has_something_to_serve(world: World) -> None:
    document = world.recognised(world.upload(), "old")
    reprocess(world, document)
    world.split(2)
    world.finish("new")
    world.fail()
    seen = world.see(document)
    assert (seen.served.number, seen.served.status) == (2, Status.PARTIAL)


def test_a_fragment_of_a_version_that_was_overwritten_never_replaces_a_text(world: World) -> None:
    document = world.recognised(world.adopt(etag="e1"), "the whole text")
    world.put("incoming/scan.png", "e2")
    world.split(2)
    world.finish("a fragment")
    world.put("incoming/scan.png", "e3")
    assert world.texts(document) == ["the whole text"]
    world.fail(BAD_PAGE, rejected=True)  # the third version is no picture
    assert world.texts(document) == ["the whole text"]


def test_a_fragment_does_not_replace_what_a_cancelled_revision_had_finished(world: World) -> None:
    document = world.adopt(etag="e1")
    world.split(2)
    world.finish("kept")
    world.ledger.cancel("default", document.id)
    world.put("incoming/scan.png", "e2")
    world.put("incoming/scan.png", "e3")
    seen = world.see(document)
    assert (seen.served.number, seen.served.status) == (1, Status.CANCELLED)
    assert world.texts(document) == ["kept", None]


def test_a_fragment_is_served_where_there_was_no_text(world: World) -> None:
    document = world.failed(world.adopt(etag="e1"))
    world.put("incoming/scan.png", "e2")
    world.split(2)
    world.finish("a fragment")
    world.put("incoming/scan.png", "e3")
    assert world.texts(document) == ["a fragment", None]


def test_a_fragment_that_a_worker_noticed_before_the_event_came_replaces_no_text_either(world: World) -> None:
    document = world.recognised(world.adopt(etag="e1"), "the whole text")
    world.put("incoming/scan.png", "e2")
    world.split(2)
    world.finish("a fragment")
    world.fail(OVERWRITTEN, rejected=True)
    seen = world.see(document)
    assert (seen.served.number, seen.newest.status) == (1, Status.PARTIAL)
    assert world.texts(document) == ["the whole text"]


def end_unserved(world: World, document: DocumentView, how: str) -> None:
    """A second revision that ends after its first page, and is not served."""
    reprocess(world, document)
    if how == "cancelled":
        world.split(2)
        world.finish("half")
        world.ledger.cancel("acme", document.id)
    else:
        world.fail(BAD_PAGE, rejected=how == "rejected")


@pytest.mark.parametrize("how", ["cancelled", "rejected", "failed"])
def test_what_was_never_served_leaves_no_rows_once_the_next_revision_is_queued(world: World, how: str) -> None:
    document = world.recognised(world.upload(), "old")
    end_unserved(world, document, how)
    kept = world.sql("SELECT count(*) FROM work JOIN revision ON id = revision_id WHERE number = 2")[0].count
    assert kept > 0  # a failed one may be redriven until then
    reprocess(world, document)
    assert world.sql("SELECT number, page FROM work JOIN revision ON id = revision_id ORDER BY 1, 2") == [(1, 0), (1, 1), (3, 0)]
    assert world.count("page_content") == 1
    assert world.texts(document) == ["old"]


def test_a_superseded_revision_that_is_not_served_leaves_no_rows(world: World) -> None:
    document = world.recognised(world.adopt(etag="e1"), "the whole text")
    world.put("incoming/scan.png", "e2")
    world.split(2)
    world.finish("a fragment")
    late = world.claim()
    world.put("incoming/scan.png", "e3")
    assert world.sql("SELECT number FROM page_content JOIN revision ON id = revision_id") == [(1,)]
    assert world.sql("SELECT number, page FROM work JOIN revision ON id = revision_id ORDER BY 1, 2") == [(1, 0), (1, 1), (3, 0)]
    assert not world.ledger.finish(late, page_of(late.page, "late"))
    assert world.texts(document) == ["the whole text"]
