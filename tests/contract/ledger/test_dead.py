"""Dead letters: what is one, what redrive queues again, what drop leaves alone, and what the list costs."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from docusnap.errors import AlreadyFinal, DeadLetterNotFound, DocumentNotFound, InvalidCursor, NotReady, WorkerLost
from docusnap.model import DeadFilter, DocumentView, OcrMode, Problem, Progress, Status, WorkState
from docusnap.query import Queries

from tests.contract.ledger.world import BAD_PAGE, CRASH, ENGINE, World, at_once, page_of
from tests.support.waiting import eventually

ALL = DeadFilter()
DENIED = Problem("store_denied", "The object store refuses DocuSnap access to the object.")
AT_ONCE = timedelta()
NOBODY = "0" * 32


def dead(world: World, which: DeadFilter = ALL) -> list[str]:
    return [letter.id for letter in world.ledger.dead(which, 100, None).items]


def end(world: World, *pages: str, tenant: str = "acme") -> DocumentView:
    """A document whose pages ended so: done, failed or rejected."""
    document = world.upload(tenant)
    world.split(len(pages))
    for outcome in pages:
        world.finish(f"text {outcome}") if outcome == "done" else world.fail(
            BAD_PAGE if outcome == "rejected" else CRASH, rejected=outcome == "rejected"
        )
    return world.see(document)


# --- what is one


@pytest.mark.parametrize(
    ("pages", "is_one"),
    [
        (["failed"], True),
        (["done", "failed"], True),
        (["rejected", "failed"], True),
        (["rejected", "done", "failed"], True),
        (["done", "rejected"], False),
        (["rejected"], False),
        (["done"], False),
    ],
)
def test_a_document_with_a_page_that_ran_out_of_its_retries_is_a_dead_letter(world: World, pages: list[str], is_one: bool) -> None:
    document = end(world, *pages)
    assert dead(world) == ([document.id] if is_one else [])
    assert world.ledger.dead_letters(10) == is_one


@pytest.mark.parametrize("rejected", [True, False])
def test_a_split_that_ran_out_of_its_retries_makes_one_and_a_rejected_file_does_not(world: World, rejected: bool) -> None:
    document = world.upload()
    world.fail(CRASH, rejected=rejected)
    assert dead(world) == ([] if rejected else [document.id])


def test_a_letter_says_whose_it_is_and_what_went_wrong(world: World) -> None:
    document = world.upload(filename="invoice.pdf")
    world.split(3)
    first, second, third = (world.claim() for _ in range(3))
    world.ledger.fail(first, BAD_PAGE, retry_in=None, rejected=True)
    world.ledger.finish(third, page_of(3, "three"))
    world.ledger.fail(second, DENIED, retry_in=AT_ONCE, rejected=False)
    world.fail(CRASH)
    [letter] = world.ledger.dead(ALL, 10, None).items
    assert (letter.id, letter.tenant, letter.filename, letter.foreign) == (document.id, "acme", "invoice.pdf", False)
    assert (letter.revision.number, letter.revision.status, letter.revision.pages) == (1, Status.PARTIAL, Progress(3, 1, 2))
    assert letter.problem == Problem(CRASH.code, CRASH.message, 2)  # not of page 1, which no retry mends
    assert (letter.failures, letter.lost, letter.failed_pages) == (2, 0, ())
    assert letter.created_at == document.created_at < letter.failed_at


def test_shown_alone_it_names_every_page_that_failed(world: World) -> None:
    document = end(world, "rejected", "done", "failed")
    letter = world.ledger.dead_letter(document.id)
    told = [(page.number, page.problem.code, page.failures, page.lost, page.rejected) for page in letter.failed_pages]
    assert told == [(1, BAD_PAGE.code, 1, 0, True), (3, CRASH.code, 1, 0, False)]


def test_a_failed_split_has_no_page(world: World) -> None:
    document = world.failed(world.upload())
    letter = world.ledger.dead_letter(document.id)
    assert (letter.problem, letter.revision.pages, letter.failed_pages) == (CRASH, Progress(None, 0, 0), [])


@pytest.mark.parametrize("document_id", [NOBODY, "no id", "\0"])
def test_what_is_none_is_not_found(world: World, document_id: str) -> None:
    well = world.recognised(world.upload(), "text")
    for named in (document_id, well.id):
        with pytest.raises(DeadLetterNotFound):
            world.ledger.dead_letter(named)


def test_kills_and_hand_overs_make_none(world: World) -> None:
    document = world.upload()
    for _ in range(9):
        world.claim()
        world.later(seconds=91)
    for _ in range(15):
        assert world.ledger.hand_over(world.claim(), again_in=AT_ONCE)
    assert dead(world) == []
    assert world.recognised(document, "text").served.status is Status.SUCCEEDED


def test_work_that_lost_its_tenth_worker_is_one_and_has_all_its_leases_back_after_a_redrive(world: World) -> None:
    document = world.upload()
    for _ in range(10):
        world.claim()
        world.later(seconds=91)
    assert world.ledger.claim() is None
    [letter] = world.ledger.dead(ALL, 10, None).items
    assert (letter.problem.code, letter.failures, letter.lost) == (WorkerLost.code, 0, 10)
    assert world.ledger.redrive([document.id]) == 1
    assert world.recognised(document, "text").served.status is Status.SUCCEEDED


# --- the list


def test_the_newest_failure_comes_first_and_what_fails_meanwhile_moves_nothing(world: World) -> None:
    first, second, third = (world.failed(world.upload()).id for _ in range(3))
    page = world.ledger.dead(ALL, 2, None)
    assert [letter.id for letter in page.items] == [third, second]
    world.failed(world.upload())
    rest = world.ledger.dead(ALL, 2, page.cursor)
    assert ([letter.id for letter in rest.items], rest.cursor) == ([first], None)


def test_the_list_goes_by_when_it_failed_not_by_when_it_was_uploaded(world: World) -> None:
    old, new = world.upload(), world.upload("zenith")
    works = {work.document_id: work for work in (world.claim(), world.claim())}
    for document in (new, old):
        world.ledger.fail(works[document.id], CRASH, retry_in=None, rejected=False)
    assert dead(world) == [old.id, new.id]


def test_it_is_filtered_by_tenant_and_by_code(world: World) -> None:
    mine, theirs = world.failed(world.upload("acme")), world.failed(world.upload("zenith"))
    denied = world.upload("acme")
    world.fail(DENIED)
    assert dead(world, DeadFilter(tenant="acme")) == [denied.id, mine.id]
    assert dead(world, DeadFilter(code=CRASH.code)) == [theirs.id, mine.id]
    assert dead(world, DeadFilter("acme", DENIED.code)) == [denied.id]
    assert dead(world, DeadFilter("nobody")) == []


def test_a_cursor_that_was_not_issued_is_refused(world: World) -> None:
    with pytest.raises(InvalidCursor):
        world.ledger.dead(ALL, 10, "bogus")


# --- redrive


def test_redrive_queues_the_same_revision_again_and_the_page_may_succeed(world: World) -> None:
    document = end(world, "failed")
    assert world.ledger.redrive([document.id]) == 1
    again = world.see(document)
    assert (again.served.number, again.served.status, again.served.pages, again.served.error) == (1, Status.QUEUED, Progress(1, 0, 0), None)
    assert not again.settled
    assert dead(world) == []
    work = world.finish("text")
    assert (work.page, work.failures, work.attempt) == (1, 0, 2)  # the fence goes on
    assert world.see(document).served.status is Status.SUCCEEDED
    assert world.texts(document) == ["text"]


def test_a_failed_split_is_split_again(world: World) -> None:
    document = world.failed(world.upload())
    assert world.ledger.redrive([document.id]) == 1
    assert world.see(document).served.status is Status.QUEUED
    done = world.recognised(document, "one", "two")
    assert (done.served.number, done.served.status, world.texts(document)) == (1, Status.SUCCEEDED, ["one", "two"])


def test_a_page_has_all_its_retries_again(world: World) -> None:
    document = end(world, "failed")
    world.ledger.redrive([document.id])
    for failures in range(2):
        work = world.claim()
        assert work.failures == failures
        world.ledger.fail(work, CRASH, retry_in=AT_ONCE, rejected=False)
    world.fail(DENIED)
    [letter] = world.ledger.dead(ALL, 10, None).items
    assert (letter.problem.code, letter.failures) == (DENIED.code, 3)


def test_finished_pages_are_kept_and_rejected_ones_stay_failed(world: World) -> None:
    document = end(world, "done", "rejected", "failed")
    assert world.ledger.redrive([document.id]) == 1
    assert (world.see(document).served.status, world.see(document).served.pages) == (Status.PROCESSING, Progress(3, 1, 1))
    assert world.finish("three").page == 3
    assert world.ledger.claim() is None
    seen = world.see(document)
    assert (seen.served.status, seen.served.pages) == (Status.PARTIAL, Progress(3, 2, 1))
    assert seen.served.error == Problem(BAD_PAGE.code, BAD_PAGE.message, 2)
    assert world.texts(document) == ["text done", None, "three"]
    assert dead(world) == []  # what is left of it no retry mends


def test_partial_becomes_succeeded(world: World) -> None:
    document = end(world, "done", "failed")
    world.ledger.redrive([document.id])
    world.finish("two")
    assert (world.see(document).served.status, world.see(document).served.pages) == (Status.SUCCEEDED, Progress(2, 2, 0))


def test_while_it_runs_finished_pages_are_read_and_found_and_the_whole_is_not_ready(world: World) -> None:
    document = end(world, "done", "failed")
    world.ledger.redrive([document.id])
    queries = Queries(ledger=world.ledger, store=lambda: pytest.fail("no store is needed"), settings=None, waits=0)  # type: ignore[arg-type]
    assert [page.status for page in queries.content("acme", document.id, 1).pages] == [WorkState.SUCCEEDED]
    for page in (None, 2):
        with pytest.raises(NotReady):
            queries.content("acme", document.id, page)
    assert [hit.page for hit in world.ledger.search("acme", "text", 10, None).items] == [1]


def test_a_worker_that_was_presumed_dead_before_the_redrive_writes_nothing(world: World) -> None:
    document = world.upload()
    world.split(1)
    late = world.claim()
    world.later(seconds=91)
    newer = world.fail()
    world.ledger.redrive([document.id])
    for work in (late, newer):
        assert not world.ledger.finish(work, page_of(1, "late"))
        assert not world.ledger.fail(work, CRASH, retry_in=None, rejected=False)
        assert not world.ledger.hand_over(work, again_in=AT_ONCE)
    assert world.claim().attempt == 3
    assert not world.ledger.finish(newer, page_of(1, "late"))


def test_unknown_ids_and_documents_that_are_well_are_not_counted_and_not_touched(world: World) -> None:
    well, letter = world.recognised(world.upload(), "text"), world.failed(world.upload())
    assert world.ledger.redrive([NOBODY, "no id", "\0", well.id, letter.id, letter.id]) == 1
    assert world.see(well) == well
    assert world.ledger.redrive([letter.id]) == 0
    assert world.ledger.redrive([]) == 0


def test_a_redriven_document_may_be_cancelled_deleted_and_is_not_retired(world: World) -> None:
    cancelled, deleted = (end(world, "done", "failed") for _ in range(2))
    assert world.ledger.redrive([cancelled.id, deleted.id]) == 2
    world.later(days=10)
    assert world.ledger.retire(timedelta(days=1), 10) == 0
    assert world.ledger.cancel("acme", cancelled.id).served.status is Status.CANCELLED
    assert world.texts(cancelled) == ["text done", None]
    world.ledger.delete("acme", deleted.id)
    assert world.ledger.claim() is None
    assert dead(world) == []


# --- beside an older or a newer revision


def unserved(world: World) -> DocumentView:
    """A document whose old text is served, and whose second revision ran out of its retries."""
    document = world.recognised(world.upload(), "old")
    world.ledger.reprocess("acme", document.id, OcrMode.AUTO)
    return world.failed(document)


def test_after_a_reprocess_that_failed_the_letter_is_the_newest_revision(world: World) -> None:
    document = unserved(world)
    [letter] = world.ledger.dead(ALL, 10, None).items
    assert (letter.id, letter.revision.number) == (document.id, 2)
    assert world.ledger.redrive([document.id]) == 1
    running = world.see(document)
    assert (running.served.number, running.newest.number, running.newest.status) == (1, 2, Status.QUEUED)
    assert world.texts(document) == ["old"]
    done = world.recognised(document, "new")
    assert (done.served.number, world.texts(document)) == (2, ["new"])


def test_a_reprocess_takes_the_letter_away_and_may_bring_it_back(world: World) -> None:
    document = end(world, "done", "failed")
    world.ledger.reprocess("acme", document.id, OcrMode.AUTO)
    assert dead(world) == []
    assert world.ledger.redrive([document.id]) == 0
    world.failed(document)
    assert [letter.revision.number for letter in world.ledger.dead(ALL, 10, None).items] == [2]


def test_a_foreign_object_that_is_put_anew_takes_its_letter_away(world: World) -> None:
    document = world.failed(world.adopt(etag="e1"))
    world.put(document.key, "e2")
    assert dead(world) == []


def test_a_deleted_document_is_none(world: World) -> None:
    document = end(world, "done", "failed")
    world.ledger.delete("acme", document.id)
    assert dead(world) == []
    assert (world.ledger.redrive([document.id]), world.ledger.drop([document.id])) == (0, 0)
    with pytest.raises(DocumentNotFound):
        world.see(document)


# --- drop


def test_drop_takes_it_off_the_list_and_leaves_the_document_as_it_is(world: World) -> None:
    document, other = end(world, "done", "failed"), end(world, "failed", tenant="zenith")
    assert world.ledger.drop([document.id, NOBODY]) == 1
    assert world.see(document) == document
    assert world.texts(document) == ["text done", None]
    assert dead(world) == [other.id]
    assert (world.ledger.drop([document.id]), world.ledger.redrive([document.id])) == (0, 0)
    with pytest.raises(DeadLetterNotFound):
        world.ledger.dead_letter(document.id)


def test_a_dropped_document_that_fails_again_is_one_again(world: World) -> None:
    document = world.failed(world.upload())
    world.ledger.drop([document.id])
    world.ledger.reprocess("acme", document.id, OcrMode.AUTO)
    world.failed(document)
    assert dead(world) == [document.id]


# --- several at once


BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.mark.parametrize("second", ["redrive", "drop"])
def test_two_operators_at_once_count_each_letter_once(world: World, database_url: str, second: str) -> None:
    letters = [world.failed(world.upload()).id for _ in range(3)]
    engine = sa.create_engine(database_url)
    with ThreadPoolExecutor(2) as pool, engine.begin() as somebody:
        somebody.execute(sa.text("SELECT id FROM revision WHERE document_id = :id FOR UPDATE"), {"id": letters[1]})
        calls = [pool.submit(world.ledger.redrive, letters), pool.submit(getattr(world.ledger, second), letters[::-1])]
        eventually(lambda: world.sql(BLOCKED)[0].count == 2, "both have begun and cannot go on", 60)
        somebody.rollback()
        counts = [call.result() for call in calls]
    engine.dispose()
    assert sorted(counts) == [0, 3]
    assert world.ledger.due() == (3 if second == "redrive" else counts[0])
    assert dead(world) == []


def quietly(call: Callable[..., object], *args: object) -> object:
    try:
        return call(*args)
    except (AlreadyFinal, DocumentNotFound) as exc:
        return exc


@pytest.mark.parametrize("round_", range(5))
def test_redrive_beside_reprocess_cancel_and_workers_leaves_one_running_revision(world: World, round_: int) -> None:
    document = end(world, "done", "failed")
    at_once(
        [
            lambda: world.ledger.redrive([document.id]),
            lambda: quietly(world.ledger.reprocess, "acme", document.id, OcrMode.AUTO),
            lambda: quietly(world.ledger.cancel, "acme", document.id),
            lambda: world.ledger.drop([document.id]),
            world.ledger.claim,
        ]
    )
    world.later(seconds=91)
    while (work := world.ledger.claim()) is not None:
        world.ledger.split(work, 1, ENGINE) if work.is_split else world.ledger.finish(work, page_of(work.page, "text"))
    assert world.see(document).settled
    assert world.sql("SELECT count(*) FROM work WHERE due_at IS NOT NULL")[0].count == 0


@pytest.mark.parametrize("round_", range(5))
def test_redrive_beside_a_deletion_leaves_nothing_to_do(world: World, round_: int) -> None:
    document = end(world, "done", "failed")
    at_once([lambda: world.ledger.redrive([document.id]), lambda: world.ledger.delete("acme", document.id)])
    assert [world.count(table) for table in ("revision", "work", "page_content")] == [0, 0, 0]
    assert world.ledger.claim() is None
