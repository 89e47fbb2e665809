"""With every event lost, and every wake but sweep's own, all that was uploaded is recognised, at the rate of SWEEP_BATCH a sweep."""

from __future__ import annotations

from dataclasses import dataclass, replace

from docusnap.model import DocumentView, Status
from docusnap.ports import Waker
from docusnap.sweep import Sweep

from tests.integration.ocr.test_worker import Desk, Ever, _tiff, desk

__all__ = ["desk"]

BATCH = 4


class WakerWhoseWakesAreLost:
    """The worker's and everybody else's."""

    def wake(self, count: int = 1) -> None:
        """Nobody hears it."""


@dataclass
class WakesThatArrive:
    """Sweep's own."""

    sent: int = 0

    def wake(self, count: int = 1) -> None:
        self.sent += count


def sweep(desk: Desk, waker: Waker) -> dict[str, int]:
    """One run, ten seconds after the one before."""
    desk.world.later(seconds=10)
    return Sweep(ledger=desk.ledger, store=desk.store, waker=waker, settings=desk.settings).run()


def uploaded(desk: Desk, count: int) -> list[DocumentView]:
    """Registered and put; of no event."""
    return [desk.put(_tiff(1)) for _ in range(count)]


def queued(desk: Desk) -> int:
    return int(desk.world.sql("SELECT count(*) FROM revision WHERE status <> 'awaiting_upload'")[0].count)


def put_foreign(desk: Desk, count: int) -> None:
    for number in range(count):
        desk.store._client.put_object(Bucket=desk.store.bucket, Key=f"incoming/{number}.tif", Body=_tiff(1))


def test_a_batch_of_due_uploads_is_queued_within_two_sweeps_and_the_rest_at_that_rate(desk: Desk) -> None:
    desk.settings = replace(desk.settings, sweep_batch=BATCH)
    documents = uploaded(desk, 3 * BATCH)
    found = []
    for _ in range(4):
        sweep(desk, WakerWhoseWakesAreLost())
        found.append(queued(desk))
    assert found == [BATCH, 2 * BATCH, 3 * BATCH, 3 * BATCH]
    assert {desk.see(document).served.status for document in documents} == {Status.QUEUED}


def test_those_who_have_not_uploaded_yet_do_not_keep_back_those_who_have(desk: Desk) -> None:
    desk.settings = replace(desk.settings, sweep_batch=BATCH)
    for _ in range(BATCH):
        desk.register(3)
    uploaded(desk, BATCH)
    for _ in range(2):
        sweep(desk, WakerWhoseWakesAreLost())
    assert queued(desk) == BATCH


def test_each_foreign_object_is_found_within_one_cycle_of_the_listing(desk: Desk) -> None:
    desk.settings = replace(desk.settings, sweep_batch=BATCH)
    put_foreign(desk, 2 * BATCH + 1)
    assert [sweep(desk, WakerWhoseWakesAreLost())["foreign"] for _ in range(3)] == [BATCH, BATCH, 1]


def test_everything_is_recognised_by_sweeps_own_wakes_alone(desk: Desk) -> None:
    desk.settings = replace(desk.settings, sweep_batch=BATCH, ocr_fanout=2)
    desk.wakes = WakerWhoseWakesAreLost()  # type: ignore[assignment]
    documents = uploaded(desk, 6)
    put_foreign(desk, 3)
    wakes = WakesThatArrive()
    for _ in range(3):
        sweep(desk, wakes)
        for _ in range(wakes.sent):
            desk.worker().run(Ever())
        wakes.sent = 0
    assert {desk.see(document).served.status for document in documents} == {Status.SUCCEEDED}
    foreign = desk.ledger.documents("default", Status.SUCCEEDED, 20, None).items
    assert len(foreign) == 3
    assert desk.world.sql("SELECT max(attempt) AS most FROM work")[0].most == 1
