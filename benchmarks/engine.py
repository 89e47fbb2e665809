"""Engines side by side on the same pages, in one run: seconds, ratio, character error rate, memory, start.

PYTHONPATH=layers python -m benchmarks.engine ENGINE=PYTHON…  e.g. docusnap=.venv/bin/python; an engine is a program in benchmarks/peers.
Needs rapidfuzz beside requirements/dev.txt, and Debian's fonts-liberation and fonts-noto-cjk.
CORPUS=folder adds every picture there that has a .txt beside it; ONLY=part measures the pages with that in their name.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from rapidfuzz.distance import Levenshtein

from benchmarks.pages.collection import collection

HERE = Path(__file__).parent
FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")


@dataclass(frozen=True, slots=True)
class Page:
    """A picture and what it says, in reading order."""

    name: str
    path: Path
    truth: str


@dataclass(frozen=True, slots=True)
class Run:
    """What one engine made of all pages; `start`: seconds from its process's start to the end of the first page; `rss`: MB."""

    engine: str
    start: float
    rss: float
    seconds: Sequence[float]
    errors: Sequence[float]


def pages(folder: Path) -> Iterator[Page]:
    folder.mkdir(parents=True, exist_ok=True)
    for page in collection():
        Image.fromarray(page.pixels).save(folder / f"{page.name}.png", dpi=(page.dpi, page.dpi))
        yield Page(page.name, folder / f"{page.name}.png", page.text)
    if corpus := os.environ.get("CORPUS"):
        for truth in sorted(Path(corpus).glob("*.txt")):
            for path in (p for p in sorted(truth.parent.glob(f"{truth.stem}.*")) if p.suffix != ".txt"):
                yield Page(path.stem, path, truth.read_text("utf-8"))


def cer(truth: str, text: str) -> float:
    """Edit distance over the truth's length, after NFKC and without white space: order counts."""
    wanted, got = plain(truth), plain(text)
    return Levenshtein.distance(wanted, got) / max(1, len(wanted))


def plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


def run(engine: str, python: str, todo: Sequence[Page]) -> Run:
    """Raises: RuntimeError with what the engine said."""
    began, start, told = time.perf_counter(), 0.0, []
    command = [python, "-P", str(HERE / "peers" / f"{engine}.py"), *(str(page.path) for page in todo)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        for line in child.stdout or ():
            start = start or time.perf_counter() - began
            told.append(json.loads(line))
            print(f"\r{engine}: {len(told)} of {len(todo)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    if child.returncode or len(told) != len(todo):
        raise RuntimeError(f"{engine} ended with {child.returncode} after {len(told)} pages.")
    errors = [cer(page.truth, one["text"]) for page, one in zip(todo, told, strict=True)]
    return Run(engine, start, max(one["rss"] for one in told) / 1024, [one["seconds"] for one in told], errors)


def report(todo: Sequence[Page], runs: Sequence[Run]) -> Iterator[str]:
    ours = sum(runs[0].seconds)
    yield f"{len(todo)} pages, {sum(len(plain(page.truth)) for page in todo)} characters; {machine()}"
    yield ""
    yield f"| engine | seconds | × {runs[0].engine} | mean CER | worst page | peak RSS, MB | start to first page, s |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for one in runs:
        total, mean = sum(one.seconds), sum(one.errors) / len(one.errors)
        yield f"| {one.engine} | {total:.1f} | {total / ours:.2f} | {mean:.4f} | {max(one.errors):.3f} | {one.rss:.0f} | {one.start:.1f} |"
    yield ""
    yield "| page | " + " | ".join(f"{one.engine}: s | CER" for one in runs) + " |"
    yield "| --- |" + " --- | --- |" * len(runs)
    for number, page in enumerate(todo):
        yield f"| {page.name} | " + " | ".join(f"{one.seconds[number]:.2f} | {one.errors[number]:.4f}" for one in runs) + " |"


def machine() -> str:
    """What decides how fast this machine is."""
    lines = Path("/proc/cpuinfo").read_text("ascii").splitlines() if Path("/proc/cpuinfo").exists() else []
    about = dict(line.replace("\t", "").split(":", 1) for line in lines if ":" in line)
    flags = [flag for flag in FLAGS if flag in about.get("flags", "").split()]
    return f"{os.cpu_count()} cores, {about.get('model name', platform.machine()).strip()}, {' '.join(flags) or 'no vector flags known'}"


def main(engines: Sequence[str]) -> None:
    only = os.environ.get("ONLY", "")
    todo = [page for page in pages(Path(".cache/bench/pages")) if only in page.name]
    runs = [run(*engine.split("=", 1), todo) for engine in engines]
    print("\n".join(report(todo, runs)))


if __name__ == "__main__":
    main(sys.argv[1:] or [f"docusnap={sys.executable}"])
