"""The aims, each with what was measured. A benchmark tells; it never fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmarks.engine.verdicts import Verdict
from benchmarks.ledger.figures import median, ms, percentile
from benchmarks.ledger.filled import Size
from benchmarks.ledger.operations import Operations
from benchmarks.ledger.searches import Took
from benchmarks.ledger.statuses import Reads
from benchmarks.ledger.uploads import Batch

QUEUED = 0.25  # seconds, p95
BEYOND = 0.1  # seconds from the end of the PUT to `succeeded`, p50, beyond the engine's own time, which is nothing here
OVERHEAD = 0.015  # CPU seconds a page
TIMES = 2.0  # of empty
STATUSES = 1500  # a second
SKETCHED = 1885  # a second: the sketch's on the machine where that aim was set
SEARCH = 0.1  # seconds, p95


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything of one run; None and empty where it was not asked for."""

    size: Size
    idle: Batch | None = None
    burst: Batch | None = None
    cpu: Mapping[str, float] | None = None  # seconds a page of the burst, by part of the stack
    reads: Reads | None = None
    empty: Operations | None = None
    full: Operations | None = None
    usual: Took | None = None
    hard: Took | None = None


def verdicts(measured: Measured) -> Iterator[Verdict]:
    if measured.burst:
        yield from _burst(measured.burst)
    if idle := measured.idle:
        told = f"{ms(median(idle.succeeded))} p50, {ms(percentile(idle.succeeded, 0.95))} p95 of {idle.sent}"
        yield Verdict(
            f"from the end of the PUT to `succeeded`, p50 ≤ {ms(BEYOND)} on an idle system", told, median(idle.succeeded) <= BEYOND
        )
    if measured.empty and measured.full:
        yield from _operations(measured.empty, measured.full, measured.size)
    if reads := measured.reads:
        yield from _reads(reads)
    if measured.usual is not None and measured.hard is not None:
        yield from _searches(measured.usual, measured.hard, measured.size)


def _burst(burst: Batch) -> Iterator[Verdict]:
    told = f"{burst.lost} lost, {burst.extra} twice"
    yield Verdict(f"of {burst.sent} uploads at once none is lost, none is done twice", told, not burst.lost and not burst.extra)
    p95 = percentile(burst.queued, 0.95)
    yield Verdict(f"from the end of the PUT to `queued`, p95 ≤ {ms(QUEUED)} among them", f"{ms(p95)}", p95 <= QUEUED)


def _operations(empty: Operations, full: Operations, size: Size) -> Iterator[Verdict]:
    for where, found in (("empty", empty), ("full", full)):
        cpu = sum(found.cpu)
        told = f"{ms(cpu)}: {ms(found.cpu[0])} in the worker, {ms(found.cpu[1])} in PostgreSQL"
        yield Verdict(f"the ledger takes at most {ms(OVERHEAD)} of CPU a page, tables {where}", told, cpu <= OVERHEAD)
    for name, took in full.took.items():
        ratio = median(took) / median(empty.took[name])
        told = f"{ratio:.2f} × ({ms(median(took))} against {ms(median(empty.took[name]))})"
        yield Verdict(f"{name}: with {size.documents:,} finished documents within {TIMES:g} × of empty", told, ratio <= TIMES)


def _reads(reads: Reads) -> Iterator[Verdict]:
    yield Verdict(f"at least {STATUSES} status reads a second", f"{reads.rate:.0f}", reads.rate >= STATUSES)
    share, aim = reads.rate / reads.sketch, STATUSES / SKETCHED
    told = f"{share:.2f} × ({reads.rate:.0f} against {reads.sketch:.0f})"
    yield Verdict(
        f"at least {aim:.2f} × as many as the sketch, which was {STATUSES} to {SKETCHED} where the aim was set", told, share >= aim
    )


def _searches(usual: Took, hard: Took, size: Size) -> Iterator[Verdict]:
    whole = [one for took in usual.values() for one in took]
    p95 = percentile(whole, 0.95)
    told = f"{ms(p95)} over {len(usual)} kinds of query"
    yield Verdict(f"search over {size.lines:,} lines, p95 ≤ {ms(SEARCH)}", told, p95 <= SEARCH)
    for (tenant, kind), took in hard.items():
        yield Verdict(f"{tenant}: {kind} ≤ {ms(SEARCH)}", ms(median(took)), median(took) <= SEARCH)
