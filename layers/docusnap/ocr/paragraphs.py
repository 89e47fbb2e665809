"""The rows of a region become blocks: where they step further down, and where the size of type changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from docusnap.ocr.boxes import Row

LARGER = 1.3  # over the page's usual type, as detectors measure it: a heading's
BRIEF = 3  # rows: a heading has no more


def paragraphs(region: Sequence[Row]) -> Iterator[list[Row]]:
    """The rows of a region parted where they step further down than they usually do, and where the size of type changes."""
    steps = [_step(above, below) for above, below in pairwise(region)]
    height = median(box.height for row in region for box in row)
    widest = max(1.35 * median(steps), 1.3 * height) if len(steps) > 2 else 1.8 * height
    paragraph = list(region[:1])
    for step, (above, below) in zip(steps, pairwise(region), strict=True):
        if step > widest or _resized(above, below):
            yield paragraph
            paragraph = []
        paragraph.append(below)
    yield paragraph


def kind(paragraph: Sequence[Row], cells: Sequence[int], usual: float) -> str:
    """`cells`: how many lines each row has; `usual`: the height of the page's usual type.

    heading: up to three rows in type larger by a third; table: at least three rows, two in three of which have several
    lines side by side, as tables, forms and receipts do; all else is a paragraph. A bold heading in the size of its text
    is a paragraph, since boxes do not tell.
    """
    several = sum(count > 1 for count in cells)
    if len(paragraph) >= 3 and several >= 2 / 3 * len(paragraph):
        return "table"
    larger = median(_height(row) for row in paragraph) >= LARGER * usual
    return "heading" if larger and len(paragraph) <= BRIEF and not several else "paragraph"


def _step(above: Row, below: Row) -> float:
    return below[0].middle - above[0].middle


def _resized(above: Row, below: Row) -> bool:
    small, large = sorted((_height(above), _height(below)))
    return large > 1.4 * small


def _height(row: Row) -> float:
    return max(box.height for box in row)
