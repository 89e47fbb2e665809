"""Claims, leases, fences, failures, and how a revision ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from docusnap.errors import WorkerLost
from docusnap.model import DocumentView, Problem, Progress, Status, WorkState

from tests.contract.ledger.world import BAD_PAGE, CRASH, ENGINE, World, page_of

AT_ONCE = timedelta()


def test_nothing_is_claimed_where_nothing_is_due(world: World) -> None:
    world.register()
    assert world.ledger.claim() is None
    assert world.ledger.due() == 0


def test_the_first_claim_is_the_split_and_turns_the_document_to_processing(world: World) -> None:
    document = world.upload()
    work = world.claim()
    assert (work.is_split, work.attempt, work.failures, work.document_id) == (True, 1, 0, document.id)
    assert world.see(document).served.status is Status.PROCESSING


def test_after_the_split_every_page_is_due_in_order(world: World) -> None:
    document = world.upload()
    world.split(3)
    assert world.see(document).served.pages == Progress(3, 0, 0)
    assert world.ledger.due() == 3
    assert [world.claim().page for _ in range(3)] == [1, 2, 3]


def test_a_split_without_pages_is_a_mistake_of_the_caller(world: World) -> None:
    world.upload()
    with pytest.raises(ValueError, match="without pages"):
        world.ledger.split(world.claim(), 0, ENGINE)


def test_what_is_leased_is_not_claimed_again_until_the_lease_runs_out(world: World) -> None:
    world.upload()
    first = world.claim()
    assert world.ledger.claim() is None
    world.later(seconds=89)
    assert world.ledger.claim() is None
    world.later(seconds=2)
    again = world.claim()
    assert (again.revision_id, again.page, again.attempt, again.failures) == (first.revision_id, 0, 2, 0)


def test_progress_is_visible_while_pages_are_done(world: World) -> None:
    document = world.upload()
    world.split(2)
    world.finish("one")
    seen = world.see(document)
    assert (seen.served.status, seen.served.pages) == (Status.PROCESSING, Progress(2, 1, 0))
    assert seen.updated_at > document.updated_at


def test_a_document_whose_pages_are_all_done_succeeded(world: World) -> None:
    done = world.recognised(world.upload(), "one", "two")
    assert (done.served.status, done.served.pages, done.served.error, done.settled) == (Status.SUCCEEDED, Progress(2, 2, 0), None, True)
    assert world.ledger.claim() is None


def test_an_empty_page_is_a_success_that_says_so(world: World) -> None:
    document = world.upload()
    world.split(1)
    world.finish()
    page = world.ledger.content("acme", document.id, 1)[1].pages[0]
    assert world.see(document).served.status is Status.SUCCEEDED
    assert page.result is not None
    assert page.result.empty


def test_a_page_in_the_search_is_found_by_its_text(world: World) -> None:
    document = world.recognised(world.upload(), "合同编号", "Invoice 42")
    hits = world.ledger.search("acme", "invoice", 10, None).items
    assert [(hit.document_id, hit.page) for hit in hits] == [(document.id, 2)]


def test_a_text_with_characters_that_postgresql_does_not_take_is_stored_without_them(world: World) -> None:
    document = world.recognised(world.upload(), "a\0b\ud800c")
    assert world.texts(document) == ["ab?c"]


# --- the fence


def test_a_worker_whose_lease_was_taken_over_can_write_nothing(world: World) -> None:
    document = world.upload()
    world.split(1)
    late = world.claim()
    world.later(seconds=91)
    now = world.claim()
    assert not world.ledger.finish(late, page_of(1, "late"))
    assert not world.ledger.fail(late, CRASH, retry_in=None, rejected=False)
    assert not world.ledger.fail(late, CRASH, retry_in=AT_ONCE, rejected=False)
    assert not world.ledger.hand_over(late, again_in=AT_ONCE)
    assert world.see(document).served.pages == Progress(1, 0, 0)
    assert world.ledger.finish(now, page_of(1, "now"))
    assert world.texts(document) == ["now"]


def test_a_late_split_inserts_no_pages(world: World) -> None:
    document = world.upload()
    late = world.claim()
    world.later(seconds=91)
    assert world.ledger.split(world.claim(), 2, ENGINE)
    assert not world.ledger.split(late, 5, ENGINE)
    assert not world.ledger.fail(late, BAD_PAGE, retry_in=None, rejected=True)
    assert world.see(document).served.pages.total == 2
    assert world.count("work") == 3


def test_a_page_is_finished_once(world: World) -> None:
    document = world.upload()
    world.split(2)
    work = world.claim()
    assert world.ledger.finish(work, page_of(1, "once"))
    assert not world.ledger.finish(work, page_of(1, "twice"))
    assert not world.ledger.fail(work, CRASH, retry_in=None, rejected=False)
    assert world.see(document).served.pages == Progress(2, 1, 0)


def test_a_lease_that_ran_out_but_was_not_taken_over_may_still_be_finished(world: World) -> None:
    document = world.upload()
    world.split(1)
    work = world.claim()
    world.later(minutes=10)
    assert world.ledger.finish(work, page_of(1, "slow"))
    assert world.see(document).served.status is Status.SUCCEEDED


# --- failures, losses, hand-overs


def test_a_failure_with_a_delay_is_counted_and_comes_again_after_it(world: World) -> None:
    world.upload()
    world.split(1)
    assert world.ledger.fail(world.claim(), CRASH, retry_in=timedelta(seconds=30), rejected=False)
    assert world.ledger.claim() is None
    world.later(seconds=31)
    again = world.claim()
    assert (again.failures, again.attempt) == (1, 2)


def test_a_hand_over_counts_as_neither_failure_nor_loss(world: World) -> None:
    world.upload()
    for _ in range(15):
        assert world.ledger.hand_over(world.claim(), again_in=AT_ONCE)
    assert world.claim().failures == 0
    assert world.sql("SELECT lost, failures, attempt FROM work")[0] == (0, 0, 16)


def test_a_hand_over_may_wait(world: World) -> None:
    world.upload()
    world.ledger.hand_over(world.claim(), again_in=timedelta(seconds=5))
    assert world.ledger.claim() is None
    world.later(seconds=6)
    assert world.claim().attempt == 2


def test_lost_leases_use_up_no_retries(world: World) -> None:
    world.upload()
    for _ in range(10):
        assert world.claim().failures == 0
        world.later(seconds=91)


def test_work_that_loses_its_tenth_worker_is_failed_and_the_next_is_handed_out(world: World) -> None:
    poison = world.upload(filename="poison.pdf")
    for _ in range(10):
        world.claim()
        world.later(seconds=91)
    other = world.upload(filename="other.pdf")
    assert world.claim().document_id == other.id
    seen = world.see(poison)
    assert (seen.served.status, seen.served.error) == (Status.FAILED, WorkerLost().problem)


def test_a_page_that_kills_its_workers_leaves_the_rest_of_the_document(world: World) -> None:
    document = world.upload()
    world.split(2)
    world.sql("UPDATE work SET lost = 9, state = 'processing', due_at = now() - interval '1 hour' WHERE page = 1")
    world.finish("two")
    seen = world.see(document)
    assert (seen.served.status, seen.served.pages) == (Status.PARTIAL, Progress(2, 1, 1))
    assert seen.served.error is not None
    assert (seen.served.error.code, seen.served.error.page) == ("worker_lost", 1)
    assert world.sql("SELECT lost, failures FROM work WHERE page = 1")[0] == (10, 0)


# --- how a revision ends


def end(world: World, *pages: str) -> DocumentView:
    document = world.upload()
    world.split(len(pages))
    for outcome in pages:
        world.finish("text") if outcome == "done" else world.fail(BAD_PAGE, rejected=outcome == "rejected")
    return world.see(document)


@pytest.mark.parametrize(
    ("pages", "status"),
    [
        (["done", "failed"], Status.PARTIAL),
        (["rejected", "done", "failed"], Status.PARTIAL),
        (["rejected", "rejected"], Status.REJECTED),
        (["rejected", "failed"], Status.FAILED),
        (["failed"], Status.FAILED),
    ],
)
def test_the_last_page_decides_the_status(world: World, pages: list[str], status: Status) -> None:
    seen = end(world, *pages)
    assert seen.served.status is status
    assert seen.served.pages == Progress(len(pages), pages.count("done"), len(pages) - pages.count("done"))


def test_the_error_of_a_document_is_the_first_failed_pages_with_its_number(world: World) -> None:
    document = world.upload()
    world.split(3)
    first, second, third = (world.claim() for _ in range(3))
    world.ledger.fail(third, CRASH, retry_in=None, rejected=False)
    world.ledger.fail(second, BAD_PAGE, retry_in=None, rejected=True)
    assert world.see(document).served.error is None
    world.ledger.finish(first, page_of(1, "text"))
    assert world.see(document).served.error == Problem(BAD_PAGE.code, BAD_PAGE.message, 2)


def test_a_failed_page_shows_its_own_error_and_a_retried_one_none(world: World) -> None:
    document = world.upload()
    world.split(2)
    world.fail()
    world.ledger.fail(world.claim(), CRASH, retry_in=AT_ONCE, rejected=False)
    pages = world.ledger.content("acme", document.id, None)[1].pages
    assert [(page.status, page.error and page.error.page) for page in pages] == [(WorkState.FAILED, 1), (WorkState.QUEUED, None)]


def test_a_page_that_succeeds_after_failures_leaves_no_error(world: World) -> None:
    document = world.upload()
    world.split(1)
    world.ledger.fail(world.claim(), CRASH, retry_in=AT_ONCE, rejected=False)
    world.finish("text")
    assert world.see(document).served.error is None
    assert world.sql("SELECT error FROM work WHERE page = 1")[0] == (None,)


@pytest.mark.parametrize(("rejected", "status"), [(True, Status.REJECTED), (False, Status.FAILED)])
def test_a_split_that_fails_for_good_ends_the_revision(world: World, rejected: bool, status: Status) -> None:
    document = world.upload()
    world.fail(BAD_PAGE, rejected=rejected)
    seen = world.see(document)
    assert (seen.served.status, seen.served.error, seen.settled) == (status, BAD_PAGE, True)
    assert world.ledger.claim() is None


def test_released_leases_are_claimed_at_once_and_count_as_lost(world: World) -> None:
    world.upload()
    dead = world.claim()
    assert world.ledger.claim() is None
    assert world.ledger.release_leases() == 1
    again = world.claim()
    assert (again.page, again.attempt) == (dead.page, dead.attempt + 1)
    assert world.sql("SELECT lost FROM work")[0].lost == 1
    assert not world.ledger.hand_over(dead, again_in=timedelta())
