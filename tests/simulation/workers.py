"""The functions of the product, as processes that may be killed or stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from docusnap import errors
from docusnap.intake import Intake
from docusnap.model import EngineInfo, ObjectCreated, PageRaster, RecognisedPage, Work
from docusnap.ocr.worker import Worker
from docusnap.ports import Clock
from docusnap.sweep import Sweep

from tests.simulation.files import Paper
from tests.simulation.tasks import current, pause
from tests.simulation.world import World

T = TypeVar("T")


class Shift:
    """One call of `ocr`: its ledger, its engine and its clock, which ends after so many claims or at SIGTERM."""

    info: EngineInfo

    def __init__(self, world: World, claims: int) -> None:
        self._world, self._left, self.info = world, claims, world.engine.info
        self._task = current()

    # --- ports.WorkLedger

    def claim(self, after: Work | None = None) -> Work | None:
        self._left -= 1
        work: Work | None = self._world.ledger.claim(after)
        if self._task is not None:
            self._task.holds = work
        return work

    def __getattr__(self, name: str) -> Callable[..., object]:
        return getattr(self._world.ledger, name)

    # --- ports.OcrEngine

    def recognise(self, pages: Iterable[PageRaster], *, clock: Clock | None = None) -> Iterator[RecognisedPage]:
        for page in self._world.engine.recognise(pages, clock=clock):
            assert self._task is not None
            assert self._task.holds is not None
            self._world.observer.recognised(self._task.holds)
            yield page

    # --- ports.Clock

    def remaining(self) -> float:
        return 0.0 if self.stopping() else float(max(0, self._left))

    def stopping(self) -> bool:
        task = current()
        return task is not None and task.told_to_stop


class PatientWorker(Worker):
    """The real one, but that it waits for the database in simulated time."""

    def _commit(self, write: Callable[[], T]) -> T:
        for _ in range(3):
            try:
                return write()
            except errors.DatabaseUnavailable:
                pause("the database's return")
        return write()


def ocr(world: World, claims: int) -> object:
    shift = Shift(world, claims)
    with world.folders.one() as scratch:
        worker = PatientWorker(
            ledger=shift,  # type: ignore[arg-type]  by __getattr__
            store=world.store,
            decoder=Paper(world.troubles),
            engine=shift,  # type: ignore[arg-type]  it has no close
            waker=world,
            scratch=scratch,
            settings=world.settings,
        )
        return worker.run(shift)


def intake(world: World, events: list[ObjectCreated]) -> object:
    """The sender of a notification that got no answer sends it again, or gives up."""
    try:
        return Intake(ledger=world.ledger, store=world.store, waker=world).receive(events)  # type: ignore[arg-type]  by __getattr__
    except errors.Unavailable:
        if world.rng.random() < 0.5:
            world.pending += events
        raise


def sweep(world: World) -> object:
    return Sweep(ledger=world.ledger, store=world.store, waker=world, settings=world.settings).run()  # type: ignore[arg-type]  by __getattr__
