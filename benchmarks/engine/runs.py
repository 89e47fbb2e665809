"""A peer as a process: what it is asked, and what it tells of every page."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn, Self, cast

from benchmarks.engine.distance import cer
from benchmarks.engine.pages import Page, asking

ROOT = Path(__file__).resolve().parents[2]
AHEAD = 16  # pages asked for before the first is read: more than any engine looks ahead, and less than a pipe holds


@dataclass(frozen=True, slots=True)
class Engine:
    """A program of benchmarks/peers and the interpreter that has what it needs."""

    name: str
    python: str

    def command(self, *options: str) -> list[str]:
        return [self.python, "-m", f"benchmarks.peers.{self.name}", *options]


@dataclass(frozen=True, slots=True)
class Run:
    """What one engine made of all pages. Seconds; `rss` in MB."""

    engine: str
    started: float  # of the process, on the same clock as `told`
    told: Sequence[Mapping[str, Any]]  # one per page, in the order asked: see peers/telling.py
    errors: Sequence[float]  # character error rate of each page
    seconds: float  # from a part's first page being asked for to its last one's end, of all parts
    cpu: float  # of all cores, without start-up
    networks: Mapping[str, Any] | None = None

    @property
    def rss(self) -> float:
        return float(max(one["rss"] for one in self.told))

    @property
    def mean(self) -> float:
        return statistics.fmean(self.errors)

    def page(self, number: int) -> float:
        return float(self.told[number]["ended"] - self.told[number]["began"])


class Reading:
    """An engine in its process, with its models loaded, that is asked for pages a part at a time. The process ends with the block."""

    def __init__(self, engine: Engine, folder: Path, *options: str) -> None:
        """Leaves what was said in `folder`. Raises: RuntimeError with the end of what the engine complained of, as all of this does."""
        folder.mkdir(parents=True, exist_ok=True)
        self._engine, self._folder, self._complaints = engine, folder, folder / f"{engine.name}.log"
        environ = {**os.environ, "PYTHONPATH": str(ROOT / "layers"), "PYTHONDONTWRITEBYTECODE": ""}  # installed code is compiled
        self._started, self._seconds, self._cpu = time.perf_counter(), 0.0, 0.0
        self._networks: list[dict[str, Any]] = []
        self._told: list[dict[str, Any]] = []
        self._todo: list[Page] = []
        with self._complaints.open("w") as log:
            self._child = subprocess.Popen(
                engine.command(*options), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=ROOT, env=environ, text=True
            )
        self._questions = cast("IO[str]", self._child.stdin)
        self._used = self._next("ready")["cpu"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        with self._child:  # closes its pipes, at which it ends, and waits for it
            pass

    def read(self, part: Sequence[Page]) -> None:
        """Returns when all of them are read."""
        asked = time.perf_counter()
        self._ask(part[:AHEAD])
        self._todo += part
        for number in range(len(part)):
            told = self._next("page")
            self._ask(part[number + AHEAD :][:1])
            self._told.append(told | {"began": max(told["began"], asked)})
            print(f"\r{self._engine.name}: {number + 1} of {len(part)}", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        self._seconds += max(one["ended"] for one in self._told) - asked
        self._cpu += (used := max(one["cpu"] for one in self._told)) - self._used
        self._used = used

    def networks(self) -> None:
        """Returns when the engine, which was started to tell of them, has run its networks alone as it did for the part before."""
        self._say(["{}\n"])
        told = self._next("networks")
        self._networks.append(told["networks"])
        self._used = told["cpu"]

    def end(self) -> Run:
        """Two pages at a time end in any order."""
        self._questions.close()
        if self._child.wait():
            self._complain()
        told = sorted(self._told, key=lambda one: one["page"])
        errors = [cer(page.truth, one["text"]) for page, one in zip(self._todo, told, strict=True)]
        said = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in told)
        (self._folder / f"{self._engine.name}.jsonl").write_text(said, "utf-8")
        return Run(self._engine.name, self._started, told, errors, self._seconds, self._cpu, together(self._networks))

    def _ask(self, some: Sequence[Page]) -> None:
        self._say(map(asking, some))

    def _say(self, lines: Iterable[str]) -> None:
        with suppress(BrokenPipeError):  # what it complained of is told when its answers are missed
            self._questions.writelines(lines)
            self._questions.flush()

    def _next(self, what: str) -> dict[str, Any]:
        for line in self._child.stdout or ():
            if line.startswith("{") and what in (told := json.loads(line)):  # an engine may print something of its own
                return dict(told)
        self._child.wait()
        return self._complain()

    def _complain(self) -> NoReturn:
        raise RuntimeError(f"{self._engine.name} ended with {self._child.returncode}: {self._complaints.read_text('utf-8')[-2000:]}")


def together(parts: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """What the networks took for all parts."""
    if not parts:
        return None
    runs = sum((Counter(part["runs"]) for part in parts), Counter())
    seconds, cpu = (sum(part[what] for part in parts) for what in ("seconds", "cpu"))
    return {"seconds": seconds, "cpu": cpu, "at_once": max(part["at_once"] for part in parts), "runs": runs}


def run(engine: Engine, todo: Sequence[Page], folder: Path, *options: str) -> Run:
    """All pages at once, in a process of its own."""
    with Reading(engine, folder, *options) as reading:
        reading.read(todo)
        return reading.end()


def start(engine: Engine, page: Page, folder: Path, times: int = 3) -> float:
    """Seconds from a process's start to the end of its first page; the median of fresh processes."""
    taken: list[float] = []
    for _ in range(times):
        one = run(engine, [page], folder)
        taken.append(one.told[0]["ended"] - one.started)
    return statistics.median(taken)
