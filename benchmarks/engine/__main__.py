"""python -m benchmarks.engine docusnap=PYTHON [PEER=PYTHON …]: `make bench-engine` calls it; docs/benchmarks.md reads the result."""

from __future__ import annotations

import argparse
import datetime as dt
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

from PIL import Image

from benchmarks.engine import machine, report
from benchmarks.engine.distance import plain
from benchmarks.engine.pages import Page, kept, large, mixed, pages
from benchmarks.engine.reliability import Judged, judged
from benchmarks.engine.runs import ROOT, Engine, Reading, Run, run, start
from benchmarks.engine.verdicts import Measured, Memory

CACHE = ROOT / ".cache/bench"
PARTS = 4  # of a peer's pages, between which ours are read; and of ours, between which the networks run alone
MIXED = 250  # pages of mixed sizes, read twice


def main(arguments: Sequence[str]) -> None:
    asked = parser().parse_args(arguments)
    engines = [Engine(*name.split("=", 1)) for name in asked.engines]
    if engines[0].name != "docusnap":
        raise SystemExit('Our engine comes first, since the others are read in turns with it: ENGINES="docusnap tesseract"')
    if packages := machine.missing(engines):
        raise SystemExit(f"The benchmark needs Debian's packages: apt-get install {' '.join(packages)}")
    if asked.check:
        return None
    if asked.memory:
        return print("\n".join(report.memory(memory(engines[0], whole=True))))
    todo = list(pages(CACHE / "pages", asked.corpus, asked.only))[:: asked.every]
    if not todo:
        raise SystemExit(f"No page of the collection or of CORPUS has “{asked.only}” in its name.")
    measured = measure(engines, todo, whole=not asked.only and asked.every == 1)
    text = "\n".join(report.report(measured, list(head(engines, todo, asked.every)))) + "\n"
    print(text)
    if not asked.only and len(engines) > 1:
        asked.results.mkdir(parents=True, exist_ok=True)
        path = asked.results / f"{dt.date.today()}-{slug()}.md"  # noqa: DTZ011  the day as its reader calls it
        path.write_text(text, "utf-8")
        print(f"Written to {path}", file=sys.stderr)
    return None


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser("python -m benchmarks.engine", description=__doc__)
    options.add_argument(
        "engines", nargs="+", metavar="ENGINE=PYTHON", help="a program in benchmarks/peers and its interpreter; ours first"
    )
    options.add_argument("--corpus", help="folder of pictures with a .txt beside each")
    options.add_argument("--only", default="", help="part of the names of the pages to read; the result is not kept then")
    options.add_argument("--every", type=int, default=1, metavar="N", help="read every Nth page, and not the five hundred")
    options.add_argument("--memory", action="store_true", help="tell the memory of the first engine alone")
    options.add_argument("--check", action="store_true", help="tell which of Debian's packages are missing, and do no more")
    options.add_argument("--results", type=Path, default=ROOT / "benchmarks/results")
    return options


def measure(engines: Sequence[Engine], todo: Sequence[Page], *, whole: bool) -> Measured:
    """`whole`: with the five hundred pages, which take minutes."""
    first, *others = engines
    turns = [in_turns(first, peer, todo) for peer in others]
    ours = mean([one for own, _ in turns for one in own] or [run(first, todo, CACHE / "told")])
    took = {theirs.engine: [one.seconds for one in own] for own, theirs in turns}
    beside = beside_networks(first, todo)
    with Image.open(ROOT / "layers/docusnap/sample/page.png") as picture:
        sample = kept(picture, CACHE / "sample.png")
    starts = {engine.name: start(engine, sample, CACHE / "start") for engine in engines}
    names = [page.name for page in todo]
    runs = [ours, *(theirs for _, theirs in turns)]
    return Measured(names, runs, starts, memory(first, whole=whole), list(lines(todo, ours)), beside, took)


def mean(ours: Sequence[Run]) -> Run:
    """The first, with the seconds that all of them took."""
    return replace(ours[0], seconds=fmean(one.seconds for one in ours), cpu=fmean(one.cpu for one in ours))


def in_turns(first: Engine, peer: Engine, todo: Sequence[Page]) -> tuple[Sequence[Run], Run]:
    """Ours before, between and after the parts of a peer's pages, all of them each time: a machine shared with others changes its speed
    by a third within minutes, which is what a peer takes.

    Returns our runs, and the peer's.
    """
    own = [run(first, todo, CACHE / "told")]
    with Reading(peer, CACHE / "told") as theirs:
        for part in parts(todo):
            theirs.read(part)
            own.append(run(first, todo, CACHE / "told"))
        return own, theirs.end()


def beside_networks(first: Engine, todo: Sequence[Page]) -> Run:
    """Ours, and after each part what its networks alone take for it."""
    with Reading(first, CACHE / "told", "--networks") as ours:
        for part in parts(todo):
            ours.read(part)
            ours.networks()
        return ours.end()


def parts(todo: Sequence[Page]) -> Iterator[Sequence[Page]]:
    """None of them empty."""
    many = min(PARTS, len(todo))
    for part in range(many):
        yield todo[len(todo) * part // many : len(todo) * (part + 1) // many]


def lines(todo: Sequence[Page], ours: Run) -> Iterator[Judged]:
    """Of the drawn pages, whose lines are known."""
    for page, told in zip(todo, ours.told, strict=True):
        if page.lines:
            with Image.open(page.path) as picture:
                yield from judged(page.lines, told, picture.size)


def memory(engine: Engine, *, whole: bool) -> Memory:
    alone = run(engine, [large(CACHE)], CACHE / "memory")
    if not whole:
        return Memory(alone.rss, {})
    pieces = list(mixed(CACHE / "mixed", MIXED))
    told = run(engine, pieces * 2, CACHE / "memory").told
    return Memory(alone.rss, {count: told[count - 1]["rss"] for count in (MIXED, 2 * MIXED)})


def head(engines: Sequence[Engine], todo: Sequence[Page], every: int) -> Iterator[str]:
    characters = sum(len(plain(page.truth)) for page in todo)
    sample = f" (one in {every} of the collection)" if every > 1 else ""
    yield f"# {dt.date.today()}: {len(todo)} pages{sample}, {characters} characters"  # noqa: DTZ011
    yield ""
    yield f"- {machine.cores()} cores, {machine.model()}: {machine.flags()}"
    yield from (f"- {version}" for version in machine.versions(engines))


def slug() -> str:
    return re.sub(r"[^a-z0-9]+", "-", f"{machine.model()} {machine.cores()} cores".lower()).strip("-")


if __name__ == "__main__":
    main(sys.argv[1:])
