"""A worker whose wall clock jumps by hours: its monotonic clock and the database's decide, and a store that refuses it fails nothing."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import pytest
from docusnap.adapters.s3 import S3Store
from docusnap.model import PageRaster, RecognisedPage, Status
from docusnap.ports import Clock

from tests.integration.ocr.test_worker import Desk, NumberingEngine, _tiff, desk

__all__ = ["desk"]

HOUR = 3600.0


class ClockThatJumps:
    """This process's wall clock, as Python's own modules and botocore's signatures read it; `by` seconds away from the true time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.by = 0.0
        true, clock = time.time, self

        class Moment(dt.datetime):
            @classmethod
            def now(cls, tz: dt.tzinfo | None = None) -> Moment:
                return cls.fromtimestamp(true() + clock.by, tz)

        monkeypatch.setattr(time, "time", lambda: true() + clock.by)
        monkeypatch.setattr(dt, "datetime", Moment)


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> ClockThatJumps:
    return ClockThatJumps(monkeypatch)


@dataclass
class EngineDuringWhichTheClockJumps(NumberingEngine):
    wall: ClockThatJumps | None = None
    jumps: list[float] = field(default_factory=list)

    def recognise(self, pages: Iterable[PageRaster], *, clock: Clock | None = None) -> Iterator[RecognisedPage]:
        if self.jumps:
            assert self.wall is not None
            self.wall.by += self.jumps.pop(0)
            assert clock is not None
            assert clock.remaining() > 1
            assert not clock.stopping()
        return super().recognise(pages, clock=clock)


def counted(desk: Desk) -> list[tuple[int, int, int]]:
    return [tuple(row) for row in desk.world.sql("SELECT attempt, failures, lost FROM work ORDER BY page")]  # type: ignore[misc]


def test_pages_are_done_once_while_the_wall_clock_jumps_to_and_fro(desk: Desk, wall: ClockThatJumps) -> None:
    document = desk.upload(_tiff(4))
    desk.engine = EngineDuringWhichTheClockJumps(wall=wall, jumps=[5 * HOUR, -9 * HOUR, 30 * 24 * HOUR, -30 * 24 * HOUR + 4 * HOUR])
    desk.work(later=False)
    assert desk.see(document).served.status is Status.SUCCEEDED
    assert counted(desk) == [(1, 0, 0)] * 5


@pytest.mark.parametrize("by", [5 * HOUR, -5 * HOUR], ids=["ahead", "behind"])
def test_a_worker_whose_clock_the_store_does_not_accept_hands_over_and_fails_nothing(desk: Desk, wall: ClockThatJumps, by: float) -> None:
    document = desk.upload(_tiff(1))
    desk.store = S3Store(desk.settings)  # type: ignore[assignment]  which asks the bucket whether it is there
    wall.by = by
    for _ in range(5):
        desk.work()
    assert desk.see(document).served.status is Status.PROCESSING
    assert all(failures == 0 for _, failures, _ in counted(desk))
    wall.by = 0
    desk.work()
    assert desk.see(document).served.status is Status.SUCCEEDED
