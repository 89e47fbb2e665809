"""The aims, each with what was measured. A benchmark tells; it never fails."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.engine.reliability import SURE, Judged, within
from benchmarks.engine.runs import Run

FASTER = {"cnocr": 15, "cnocr_serve": 15, "rapidocr": 6, "tesseract": 2}  # times
WORSE = 0.005  # character error rate by which a page may be worse than its best peer
LIMIT = 1.25
START = 1.5  # seconds
MEMORY = 900  # MB
FLAT = 0.03
RIGHT = 0.99


@dataclass(frozen=True, slots=True)
class Memory:
    """MB at most: on the large page alone, and after so many of the mixed pages."""

    large: float
    mixed: Mapping[int, float]

    @property
    def growth(self) -> float:
        """Between the first and the last count of mixed pages; not a number where they were not read."""
        held = list(self.mixed.values())
        return held[-1] / held[0] - 1 if held else math.nan


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything of one run. `runs`: ours first; `starts`: seconds by engine; `lines`: of the drawn pages, as we read them.

    `beside`: ours in turns with its networks alone; `took`: our seconds, by the peer that was read in turns with them.
    """

    pages: Sequence[str]
    runs: Sequence[Run]
    starts: Mapping[str, float]
    memory: Memory | None
    lines: Sequence[Judged]
    beside: Run | None = None
    took: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @property
    def ours(self) -> Run:
        return self.runs[0]

    @property
    def peers(self) -> Sequence[Run]:
        return self.runs[1:]

    def times(self, run: Run) -> float:
        """Its seconds over ours, in the mean of our turns between its."""
        return run.seconds / statistics.fmean(self.took.get(run.engine, [self.ours.seconds]))


@dataclass(frozen=True, slots=True)
class Verdict:
    aim: str
    measured: str
    reached: bool

    def __str__(self) -> str:
        return f"{'reached' if self.reached else 'not reached'}: {self.aim}. Measured: {self.measured}."


def verdicts(measured: Measured) -> Iterator[Verdict]:
    """Of the aims that this run can tell something of."""
    for run in measured.peers:
        times = measured.times(run)
        yield Verdict(f"at least {FASTER[run.engine]} × as fast as {run.engine}", f"{times:.2f} ×", times >= FASTER[run.engine])
    if measured.peers:
        yield from accuracy(measured)
    yield from limit(measured.beside)
    if start := measured.starts.get(measured.ours.engine):
        yield Verdict(f"process start to the first page within {START} s", f"{start:.2f} s", start <= START)
    if measured.memory:
        yield from memory(measured.memory)
    if measured.lines:
        sure = within(measured.lines, SURE, 1.0)
        told = f"{sure.share:.2%} of {sure.lines}"
        yield Verdict(f"of the lines with confidence ≥ {SURE} at least {RIGHT:.0%} are right", told, sure.share >= RIGHT)


def accuracy(measured: Measured) -> Iterator[Verdict]:
    best = min(measured.peers, key=lambda run: run.mean)
    told = f"{measured.ours.mean:.4f} against {best.mean:.4f} of {best.engine}"
    yield Verdict("mean CER no worse than the best peer's", told, measured.ours.mean <= best.mean)
    behind = worse(measured)
    told = ", ".join(f"{page} by {by:.4f}" for page, by in behind.items()) or "none is"
    yield Verdict(f"no page worse than its best peer by more than {WORSE}", told, not behind)


def worse(measured: Measured) -> dict[str, float]:
    """Pages that a peer reads better by more than is allowed, and by how much."""
    best = [min(errors) for errors in zip(*(run.errors for run in measured.peers), strict=True)]
    by = {page: own - peer for page, own, peer in zip(measured.pages, measured.ours.errors, best, strict=True)}
    return {page: more for page, more in by.items() if more > WORSE}


def limit(ours: Run | None) -> Iterator[Verdict]:
    if ours and ours.networks:
        alone = ours.networks["seconds"]
        told = f"{ours.seconds / alone:.2f} × ({ours.seconds:.1f} s against {alone:.1f} s)"
        yield Verdict(f"at most {LIMIT} × the time of the networks alone", told, ours.seconds <= LIMIT * alone)


def memory(measured: Memory) -> Iterator[Verdict]:
    yield Verdict(f"at most {MEMORY} MB on a page of 3300 × 2550", f"{measured.large:.0f} MB", measured.large <= MEMORY)
    if measured.mixed:
        told = f"{measured.growth:+.1%} ({', '.join(f'{held:.0f} MB after {pages}' for pages, held in measured.mixed.items())})"
        yield Verdict(f"memory within ± {FLAT:.0%} over pages of mixed sizes", told, abs(measured.growth) <= FLAT)
