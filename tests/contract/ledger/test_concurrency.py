"""Many at once, on a real database: nothing twice, nothing lost, nobody waits for ever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from threading import Barrier

import pytest
import sqlalchemy as sa
from docusnap.errors import AlreadyFinal, DocumentNotFound
from docusnap.model import OcrMode, Progress, Status, Work

from tests.contract.ledger.world import CRASH, ENGINE, World, at_once, page_of


def take_all(world: World) -> list[tuple[int, int]]:
    """A worker that claims until nothing is due."""
    taken = []
    while (work := world.ledger.claim()) is not None:
        taken.append((work.revision_id, work.page))
    return taken


def work_all(world: World) -> int:
    """A worker that does all it finds."""
    done = 0
    while (work := world.ledger.claim()) is not None:
        done += world.ledger.split(work, 5, ENGINE) if work.is_split else world.ledger.finish(work, page_of(work.page, "text"))
    return done


def test_two_workers_never_get_the_same_page(world: World) -> None:
    for tenant in ("acme", "zenith"):
        world.upload(tenant)
    world.split(40)
    world.split(40)
    taken = Counter(work for worker in at_once([lambda: take_all(world)] * 6) for work in worker)
    assert len(taken) == 80
    assert set(taken.values()) == {1}


def test_pages_of_one_document_are_done_by_several_workers_and_counted_once(world: World) -> None:
    documents = [world.upload(tenant) for tenant in ("acme", "acme", "zenith", "zenith")]
    assert sum(at_once([lambda: work_all(world)] * 6)) == 4 * 6 or world.ledger.claim() is None
    work_all(world)
    for document in documents:
        seen = world.see(document)
        assert (seen.served.status, seen.served.pages) == (Status.SUCCEEDED, Progress(5, 5, 0))


def test_of_many_late_and_present_writers_of_a_page_exactly_one_succeeds(world: World) -> None:
    document = world.upload()
    world.split(1)
    leases: list[Work] = []
    for _ in range(6):
        leases.append(world.claim())
        world.later(seconds=91)
    written = at_once([lambda lease=lease: world.ledger.finish(lease, page_of(1, str(lease.attempt))) for lease in leases])
    assert written == [False] * 5 + [True]
    assert world.texts(document) == ["6"]


def quietly(call: Callable[..., object], *args: object) -> object:
    try:
        return call(*args)
    except (AlreadyFinal, DocumentNotFound) as exc:
        return exc


def running(world: World, pages: int) -> tuple[str, list[Work]]:
    document = world.upload()
    world.split(pages)
    return document.id, [world.claim() for _ in range(pages)]


@pytest.mark.parametrize("round_", range(5))
def test_cancel_and_finish_at_the_same_moment_agree(world: World, round_: int) -> None:
    document_id, leases = running(world, 4)
    calls: list[Callable[[], object]] = [lambda: quietly(world.ledger.cancel, "acme", document_id)]
    calls += [lambda lease=lease: world.ledger.finish(lease, page_of(lease.page, "text")) for lease in leases]
    done = sum(result is True for result in at_once(calls))
    seen = world.ledger.document("acme", document_id)
    assert seen.served.pages == Progress(4, done, 0)
    assert seen.served.status is (Status.SUCCEEDED if done == 4 else Status.CANCELLED)
    assert world.ledger.claim() is None


@pytest.mark.parametrize("round_", range(5))
def test_everything_at_once_on_one_document_ends_without_deadlock_or_leftovers(world: World, round_: int) -> None:
    document_id, leases = running(world, 4)
    calls: list[Callable[[], object]] = [
        lambda: quietly(world.ledger.reprocess, "acme", document_id, OcrMode.AUTO),
        lambda: quietly(world.ledger.delete, "acme", document_id),
        lambda: quietly(world.ledger.cancel, "acme", document_id),
        lambda: world.ledger.finish(leases[0], page_of(1, "text")),
        lambda: world.ledger.fail(leases[1], CRASH, retry_in=None, rejected=False),
        lambda: world.ledger.fail(leases[2], CRASH, retry_in=timedelta(), rejected=False),
        lambda: world.ledger.hand_over(leases[3], again_in=timedelta()),
        lambda: take_all(world),
        lambda: world.ledger.retire(timedelta(), 10),
    ]
    at_once(calls)
    assert isinstance(quietly(world.ledger.document, "acme", document_id), DocumentNotFound)
    assert [world.count(table) for table in ("revision", "work", "page_content")] == [0, 0, 0]
    assert world.ledger.claim() is None


@pytest.mark.parametrize("round_", range(5))
def test_overwrites_of_a_foreign_object_while_it_is_worked_on_leave_one_running_revision(world: World, round_: int) -> None:
    document = world.adopt(sequencer="00")
    calls: list[Callable[[], object]] = [
        lambda number=number: world.put(document.key, f"e{number}", sequencer=f"{number:02X}") for number in range(1, 6)
    ]
    at_once([*calls, lambda: work_all(world), lambda: work_all(world)])
    work_all(world)
    seen = world.see(document)
    assert (seen.newest.status, seen.settled) == (Status.SUCCEEDED, True)
    assert world.sql("SELECT etag FROM revision WHERE served")[0] == ("e5",)


def test_as_many_readers_as_a_gateway_has_threads_use_the_same_connections_again(world: World) -> None:
    """A connection that is closed after its use costs the server a new process for the next one."""
    together = Barrier(16)

    def server_process(connection: sa.Connection) -> int:
        together.wait(timeout=20)  # all hold a connection at this moment
        return connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()

    first, second = (set(at_once([lambda: world.ledger.database.read(server_process)] * 16)) for _ in range(2))
    assert len(first) == 16
    assert first == second
