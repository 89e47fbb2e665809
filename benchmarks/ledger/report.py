"""What is printed and kept: Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.engine.report import section, table
from benchmarks.ledger.figures import median, ms, percentile
from benchmarks.ledger.filled import LINES, LONG, SHORT
from benchmarks.ledger.searches import Took
from benchmarks.ledger.uploads import AT_ONCE, Batch
from benchmarks.ledger.verdicts import Measured, verdicts

QUEUE = (
    "Events come from the embedded store's webhook, which has no disk queue. A production MinIO with `QUEUE_DIR` sends them on when it "
    "next looks into its queue, every 3 s: 0 to 3 s more."
)


def report(measured: Measured, head: Sequence[str]) -> Iterator[str]:
    yield from head
    yield from section("Aims", (f"- {verdict}" for verdict in verdicts(measured)))
    yield from section("Uploads", _uploads(measured))
    yield from section("Calls of the ledger", _operations(measured))
    yield from section("Status reads over HTTP", _reads(measured))
    yield from section("Search", _searches(measured))


def _uploads(measured: Measured) -> Iterator[str]:
    batches = [(name, batch) for name, batch in (("one after the other", measured.idle), ("at once", measured.burst)) if batch]
    if not batches:
        return
    moments = ("p50", "p95", "most")
    columns = ("uploads", "", *(f"queued, {m}" for m in moments), *(f"succeeded, {m}" for m in moments))
    yield from table(columns, *((batch.sent, name, *_spread(batch.queued), *_spread(batch.succeeded)) for name, batch in batches))
    yield "\nFrom the end of the PUT, when the client has the store's answer, to the statement that makes it so in the database."
    if burst := measured.burst:
        yield from _burst(measured, burst)
    yield QUEUE


def _burst(measured: Measured, burst: Batch) -> Iterator[str]:
    rate = burst.sent / burst.put_seconds
    yield f"At once: {AT_ONCE} connections sent {rate:.0f} a second; all were read {burst.seconds:.0f} s after the first began."
    if measured.cpu:
        parts = ", ".join(f"{part} {ms(seconds)}" for part, seconds in measured.cpu.items())
        yield f"CPU a page of the whole stack meanwhile: {parts}."
        yield "The worker's holds the decoder's child of each document, which its nursery forks."


def _spread(found: Sequence[float]) -> Sequence[str]:
    return ms(median(found)), ms(percentile(found, 0.95)), ms(max(found))


def _operations(measured: Measured) -> Iterator[str]:
    if measured.empty is None or measured.full is None:
        return
    rows = []
    for name, full in measured.full.took.items():
        empty = measured.empty.took[name]
        ratio = f"{median(full) / median(empty):.2f} ×"
        rows.append((name, *(told for took in (empty, full) for told in (ms(median(took)), ms(min(took)))), ratio, len(full)))
    yield from table(("call", "empty, p50", "empty, least", "full, p50", "full, least", "ratio of p50", "times"), *rows)


def _reads(measured: Measured) -> Iterator[str]:
    if reads := measured.reads:
        cpu = ", ".join(f"{part} {seconds * 1e6:.0f} µs" for part, seconds in reads.cpu.items())
        yield f"{reads.rate:.0f} a second, p50 {ms(median(reads.took))}, p99 {ms(percentile(reads.took, 0.99))}. CPU an answer: {cpu}."
        yield f"The sketch, in turns with it: {reads.sketch:.0f} a second. It asks for no key, writes no log and counts nothing."


def _searches(measured: Measured) -> Iterator[str]:
    if measured.usual is None or measured.hard is None:
        return
    yield f"`{SHORT}`: {measured.size.short:,} pages of one line; `{LONG}`: {measured.size.long:,} pages of {LINES} lines.\n"
    rows = [row for took in (measured.usual, measured.hard) for row in _kinds(took)]
    yield from table(("tenant", "query", "p50", "least", "most"), *rows)


def _kinds(found: Took) -> Iterator[Sequence[str]]:
    for (tenant, kind), took in found.items():
        yield tenant, kind, ms(median(took)), ms(min(took)), ms(max(took))
