"""A peer as a process: what it is asked, and what it tells of every page."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.engine.distance import cer
from benchmarks.engine.pages import Page, listed

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Engine:
    """A program of benchmarks/peers and the interpreter that has what it needs."""

    name: str
    python: str

    def command(self, pages: Path, *options: str) -> list[str]:
        return [self.python, "-m", f"benchmarks.peers.{self.name}", str(pages), *options]


@dataclass(frozen=True, slots=True)
class Run:
    """What one engine made of all pages. Seconds; `rss` in MB; `seconds` is from the first page's start to the last one's end."""

    engine: str
    started: float  # of the process, on the same clock as `told`
    told: Sequence[Mapping[str, Any]]  # one per page, in the order asked: see peers/telling.py
    errors: Sequence[float]  # character error rate of each page
    cpu: float  # of all cores, without start-up
    networks: Mapping[str, Any] | None = None

    @property
    def seconds(self) -> float:
        return float(max(one["ended"] for one in self.told) - min(one["began"] for one in self.told))

    @property
    def rss(self) -> float:
        return float(max(one["rss"] for one in self.told))

    @property
    def mean(self) -> float:
        return statistics.fmean(self.errors)

    def page(self, number: int) -> float:
        return float(self.told[number]["ended"] - self.told[number]["began"])


def run(engine: Engine, todo: Sequence[Page], folder: Path, *options: str) -> Run:
    """Leaves what was said in `folder`. Raises: RuntimeError with the end of what the engine complained of."""
    folder.mkdir(parents=True, exist_ok=True)
    complaints = folder / f"{engine.name}.log"
    command = engine.command(listed(todo, folder / f"{engine.name}.json").resolve(), *options)
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "layers"), "PYTHONDONTWRITEBYTECODE": ""}  # installed code is compiled
    lines, started = [], time.perf_counter()
    with complaints.open("w") as log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, cwd=ROOT, env=environ) as child:
        for line in child.stdout or ():
            if line.startswith(b"{"):  # an engine may print something of its own
                lines.append(json.loads(line))
                print(f"\r{engine.name}: {sum('page' in one for one in lines)} of {len(todo)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    (folder / f"{engine.name}.jsonl").write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in lines), "utf-8")
    if child.returncode or sum("page" in one for one in lines) != len(todo):
        raise RuntimeError(f"{engine.name} ended with {child.returncode}: {complaints.read_text('utf-8')[-2000:]}")
    return heard(engine.name, started, todo, lines)


def heard(engine: str, started: float, todo: Sequence[Page], lines: Sequence[Mapping[str, Any]]) -> Run:
    """Two pages at a time end in any order."""
    told = sorted((one for one in lines if "page" in one), key=lambda one: one["page"])
    ready = next(one for one in lines if "ready" in one)
    networks = next((one["networks"] for one in lines if "networks" in one), None)
    errors = [cer(page.truth, one["text"]) for page, one in zip(todo, told, strict=True)]
    return Run(engine, started, told, errors, max(one["cpu"] for one in told) - ready["cpu"], networks)


def start(engine: Engine, page: Page, folder: Path, times: int = 3) -> float:
    """Seconds from a process's start to the end of its first page; the median of fresh processes."""
    taken: list[float] = []
    for _ in range(times):
        one = run(engine, [page], folder)
        taken.append(one.told[0]["ended"] - one.started)
    return statistics.median(taken)
