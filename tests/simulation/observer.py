"""What no single row of the database can tell: whose lease was good when, and who read which page how often."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from docusnap.ledger import LEASE
from docusnap.model import Work

from tests.simulation.clock import Clock

Unit = tuple[int, int]  # revision, page
WRITES = frozenset({"split", "finish", "fail", "hand_over"})


@dataclass
class Lease:
    attempt: int
    ends: datetime
    given_back: bool = False  # by a write that was taken


class Observer:
    """Sees the true result of every ledger call, also of those whose caller never got it."""

    def __init__(self, clock: Clock) -> None:
        self.violations: list[str] = []
        self.read: Counter[Unit] = Counter()  # how often a page was recognised
        self.excused: Counter[Unit] = Counter()  # how often it had to be done again: a lost lease, a failure, a hand-over
        self.reprocessed: Counter[str] = Counter()  # by document: how often that was accepted
        self.failed: Counter[Unit] = Counter()  # how often a worker reported a failure, and was heard
        self.fenced: Counter[str] = Counter()  # writes of those who were presumed dead, which were refused
        self._clock = clock
        self._leases: dict[Unit, Lease] = {}

    def saw(self, name: str, args: Any, kwargs: Any, result: Any) -> None:
        if name == "claim" and result is not None:
            self._claimed(result)
        elif name in WRITES:
            self._wrote(name, args[0], kwargs, result)
        elif name == "reprocess":
            self.reprocessed[result.id] += 1
        elif name == "release_leases":
            for lease in self._leases.values():
                lease.ends = min(lease.ends, self._clock.now)

    def taken_over(self, work: Work | None) -> bool:
        """Whether another has claimed this since."""
        return work is None or self._leases[work.revision_id, work.page].attempt > work.attempt

    def recognised(self, work: Work) -> None:
        self.read[work.revision_id, work.page] += 1

    def _claimed(self, work: Work) -> None:
        unit, now = (work.revision_id, work.page), self._clock.now
        before = self._leases.get(unit)
        if before is not None:
            if now < before.ends:
                self.violations.append(f"{_name(unit)} was claimed while the lease of attempt {before.attempt} was good")
            if work.attempt <= before.attempt:
                self.violations.append(f"{_name(unit)}: attempt {work.attempt} follows attempt {before.attempt}")
            self.excused[unit] += 1
        self._leases[unit] = Lease(work.attempt, now + LEASE)

    def _wrote(self, name: str, work: Work, kwargs: Any, result: bool) -> None:
        unit = (work.revision_id, work.page)
        lease = self._leases[unit]
        if not result and work.attempt < lease.attempt and self._clock.now < lease.ends and not lease.given_back:
            self.fenced[_kind(name, kwargs)] += 1
        if result and work.attempt < lease.attempt:
            self.violations.append(f"{name} of {_name(unit)} under attempt {work.attempt} was taken after attempt {lease.attempt} began")
        if result and work.attempt == lease.attempt:
            again_in = kwargs.get("again_in", kwargs.get("retry_in"))
            lease.ends = self._clock.now + (again_in or timedelta(0))  # what has ended may be redriven at once
            self.failed[unit] += name == "fail"
            if lease.given_back:
                self.violations.append(f"{name} of {_name(unit)} was the second write taken under attempt {work.attempt}")
            lease.given_back = True


def _kind(name: str, kwargs: Any) -> str:
    return "retry" if kwargs.get("retry_in") is not None else name


def _name(unit: Unit) -> str:
    return f"page {unit[1]} of revision {unit[0]}"
