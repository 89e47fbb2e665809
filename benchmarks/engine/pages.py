"""The pages that are read: the drawn collection, and every picture of CORPUS that has a .txt beside it."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from benchmarks.pages.collection import Drawn, collection
from benchmarks.pages.sheet import Printed

LARGE = 2550, 3300  # width and height of the page that memory is promised for


@dataclass(frozen=True, slots=True)
class Page:
    """A picture and what it says, in reading order. `lines`: where they stand; known of drawn pages alone."""

    name: str
    path: Path
    truth: str
    language: str = "en"
    lines: Sequence[Printed] = ()


def pages(folder: Path, corpus: str | None, only: str) -> Iterator[Page]:
    """`only`: part of the names of the pages wanted."""
    folder.mkdir(parents=True, exist_ok=True)
    for page in collection():
        if only in page.name:
            yield Page(page.name, saved(page, folder), page.text, language(page.text, page.lines), page.lines)
    for truth in sorted(Path(corpus).glob("*.txt")) if corpus else ():
        for path in sorted(truth.parent.glob(f"{truth.stem}.*")):
            if path != truth and only in path.stem:
                text = truth.read_text("utf-8")
                yield Page(path.stem, path, text, language(text))


def saved(page: Drawn, folder: Path) -> Path:
    path = folder / f"{page.name}.png"
    Image.fromarray(page.pixels).save(path, dpi=(page.dpi, page.dpi))
    return path


def language(text: str, lines: Sequence[Printed] = ()) -> str:
    """What someone who has seen the page knows of it: en, zh (with English in it, or not) or zh-vertical."""
    if not any("一" <= letter <= "鿿" for letter in text):
        return "en"
    downwards = sum(len(line.text) for line in lines if vertical(line))
    return "zh-vertical" if downwards * 2 > len(text) else "zh"


def vertical(line: Printed) -> bool:
    """Along its own axes, so that a line of a turned page is none."""
    top_left, top_right, bottom_right, _ = line.corners
    return len(line.text) > 1 and math.dist(top_right, bottom_right) > 1.5 * math.dist(top_left, top_right)


def asking(page: Page) -> str:
    """The line by which a peer is asked for a page: see peers/telling.py."""
    return json.dumps({"path": str(page.path.resolve()), "language": page.language}) + "\n"


def large(folder: Path) -> Page:
    """A dense page of the size that memory is promised for."""
    page = next(page for page in collection() if page.name == "english_2_columns_dense")
    sheet = Image.new("L", LARGE, 255)
    sheet.paste(Image.fromarray(page.pixels))
    return kept(sheet, folder / "large.png")


def mixed(folder: Path, count: int, cycle: int = 50) -> Iterator[Page]:
    """Pieces of drawn pages, from a label's size to whole ones: the same sizes in every cycle, but other pieces.

    What a piece needs goes by its type too, so growth is told by reading all of them twice: what is held beyond the first time was kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(1)
    sheets = [page.pixels for page in collection()]
    sizes = [(rng.uniform(0.1, 0.55), rng.uniform(0.05, 0.4)) for _ in range(cycle - 1)] + [(1.0, 1.0)]
    for number in range(count):
        sheet = sheets[rng.randrange(len(sheets))] if (number + 1) % cycle else max(sheets, key=lambda one: one.size)
        height, width = (round(side * share) for side, share in zip(sheet.shape, sizes[number % cycle], strict=True))
        top, left = rng.randint(0, sheet.shape[0] - height), rng.randint(0, sheet.shape[1] - width)
        yield kept(Image.fromarray(sheet[top : top + height, left : left + width]), folder / f"{number:03}.png")


def kept(picture: Image.Image, path: Path) -> Page:
    picture.save(path, compress_level=1)
    return Page(path.stem, path, "")
