"""What is printed and kept: Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.engine.reliability import SURE, Bin, curve, within
from benchmarks.engine.runs import Run
from benchmarks.engine.verdicts import Measured, Memory, verdicts


def report(measured: Measured, head: Sequence[str]) -> Iterator[str]:
    yield from head
    yield from section("Engines", engines(measured))
    yield from section("Aims", (f"- {verdict}" for verdict in verdicts(measured)))
    yield from section("What the networks alone take", networks(measured.beside))
    if measured.memory:
        yield from section("Memory", memory(measured.memory))
    yield from section("Confidence", confidence(measured))
    yield from section("Pages", pages(measured))


def section(title: str, lines: Iterator[str]) -> Iterator[str]:
    if found := list(lines):
        yield from ("", f"## {title}", "", *found)


def table(*rows: Sequence[object]) -> Iterator[str]:
    for number, row in enumerate(rows):
        yield f"| {' | '.join(map(str, row))} |"
        if number == 0:
            yield f"|{' --- |' * len(row)}"


def engines(measured: Measured) -> Iterator[str]:
    head = ("engine", "seconds", "ratio", "mean CER", "worst page", "best on", "peak RSS, MB", "start, s", "CPU seconds")
    yield from table(head, *(engine(measured, run) for run in measured.runs))
    for peer, took in measured.took.items():
        turns = ", ".join(f"{seconds:.1f}" for seconds in took)
        yield f"\n{measured.ours.engine} before, between and after the parts of {peer}: {turns} s."
    for run in measured.runs:
        for page, told in zip(measured.pages, run.told, strict=True):
            if told["failed"]:
                yield f"\n{run.engine} failed on {page}: {told['failed']}"


def engine(measured: Measured, run: Run) -> Sequence[object]:
    best = [min(errors) for errors in zip(*(one.errors for one in measured.runs), strict=True)]
    first = sum(own <= least for own, least in zip(run.errors, best, strict=True))
    start = measured.starts.get(run.engine)
    return (
        run.engine,
        f"{run.seconds:.1f}",
        f"{measured.times(run):.2f}",
        f"{run.mean:.4f}",
        f"{max(run.errors):.3f}",
        f"{first} of {len(best)}",
        f"{run.rss:.0f}",
        f"{start:.2f}" if start else "–",
        f"{run.cpu:.1f}",
    )


def networks(run: Run | None) -> Iterator[str]:
    if run and (alone := run.networks):
        runs = ", ".join(f"{name} {count} times" for name, count in alone["runs"].items())
        yield f"{run.engine} took {run.seconds:.1f} s wall and {run.cpu:.1f} s CPU, decoding included."
        yield f"In turns with it its networks alone took {alone['seconds']:.1f} s wall and {alone['cpu']:.1f} s CPU"
        yield f"on inputs of the same shapes ({runs}; from {alone['at_once']} threads at once)."
        yield f"Ratio: {run.seconds / alone['seconds']:.2f} wall, {run.cpu / alone['cpu']:.2f} CPU."


def memory(held: Memory) -> Iterator[str]:
    mixed = ((f"{pages} mixed pages", f"{most:.0f}") for pages, most in held.mixed.items())
    yield from table(("docusnap after", "peak RSS, MB"), ("a page of 3300 × 2550, alone", f"{held.large:.0f}"), *mixed)


def confidence(measured: Measured) -> Iterator[str]:
    if measured.lines:
        rows = [row(one) for one in curve(measured.lines) if one.lines]
        yield from table(("confidence", "lines", "right"), *rows, row(within(measured.lines, SURE, 1.0)))


def row(one: Bin) -> Sequence[object]:
    return f"{one.low:.2f} – {one.high:.2f}", one.lines, f"{one.share:.2%}"


def pages(measured: Measured) -> Iterator[str]:
    head = [f"{run.engine}: {what}" for run in measured.runs for what in ("CER", "s")]
    rows = [[told for run in measured.runs for told in (f"{run.errors[n]:.4f}", f"{run.page(n):.2f}")] for n in range(len(measured.pages))]
    yield from table(("page", *head), *((page, *told) for page, told in zip(measured.pages, rows, strict=True)))
