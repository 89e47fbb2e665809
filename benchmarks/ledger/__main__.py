"""python -m benchmarks.ledger: `make bench-ledger` calls it; docs/benchmarks.md reads the result."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.engine import machine
from benchmarks.engine.__main__ import slug
from benchmarks.engine.runs import ROOT
from benchmarks.ledger import filled, house, operations, report, searches, statuses, uploads
from benchmarks.ledger.filled import Size
from benchmarks.ledger.house import House
from benchmarks.ledger.verdicts import Measured

LONG = 25_000  # pages of forty lines: a million lines
PARTS = ("uploads", "statuses", "tables")


def main(arguments: Sequence[str]) -> None:
    asked = parser().parse_args(arguments)
    began, load = time.monotonic(), os.getloadavg()
    with house.running() as running:
        measured = measure(running, asked)
    head = [
        f"# {dt.date.today()}: the ledger under load",  # noqa: DTZ011  the day as its reader calls it
        "",
        f"- {machine.cores()} cores, {machine.model()}; {time.monotonic() - began:.0f} s in all",
        f"- Python {platform.python_version()} of {sys.base_prefix}",
        f"- load average {load[0]:.1f} before and {os.getloadavg()[0]:.1f} after: more than the cores says that others worked here too",
    ]
    text = "\n".join(report.report(measured, head)) + "\n"
    print(text)
    if asked.parts == list(PARTS):
        asked.results.mkdir(parents=True, exist_ok=True)
        path = asked.results / f"{dt.date.today()}-{slug()}-ledger.md"  # noqa: DTZ011
        path.write_text(text, "utf-8")
        print(f"Written to {path}", file=sys.stderr)


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser("python -m benchmarks.ledger", description=__doc__)
    options.add_argument("parts", nargs="*", default=list(PARTS), metavar="PART", help=f"of {', '.join(PARTS)}; kept only where all run")
    options.add_argument("--documents", type=int, default=1_000_000, help="finished ones in the tables")
    options.add_argument("--uploads", type=int, default=1_000, help="at once")
    options.add_argument("--results", type=Path, default=ROOT / "benchmarks/results")
    return options


def measure(running: House, asked: argparse.Namespace) -> Measured:
    steps: dict[str, Callable[[Measured], Measured]] = {
        "uploads": lambda found: _uploads(running, asked.uploads, found),
        "statuses": lambda found: replace(found, reads=statuses.measure(running, _documents(running))),
        "tables": lambda found: _tables(running, found),
    }
    long = min(LONG, asked.documents // 40)
    measured = Measured(Size(asked.documents - long, long))
    for name in asked.parts:
        print(f"{name} …", file=sys.stderr, flush=True)
        measured = steps[name](measured)
    return measured


def _uploads(running: House, count: int, found: Measured) -> Measured:
    uploads.watch(running)
    idle = uploads.one_by_one(running)
    before = {part: running.cpu(part) for part in house.PARTS}
    burst = uploads.at_once(running, count)
    cpu = {part: (running.cpu(part) - seconds) / count for part, seconds in before.items()}
    return replace(found, idle=idle, burst=burst, cpu=cpu)


def _documents(running: House) -> list[str]:
    return uploads.registered(running, 50)


def _tables(running: House, found: Measured) -> Measured:
    empty, full = running.database("empty"), running.database("full")
    measured = replace(found, empty=operations.measure(running, empty))
    began = time.monotonic()
    filled.fill(full, found.size)
    print(f"{found.size.documents:,} documents in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    usual, hard = searches.measure(full)
    return replace(measured, usual=usual, hard=hard, full=operations.measure(running, full))


if __name__ == "__main__":
    main(sys.argv[1:])
