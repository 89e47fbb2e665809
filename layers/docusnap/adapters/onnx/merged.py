"""Lines of two columns that the detector took for one, since what separates them is narrow there, are parted again."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise
from operator import attrgetter
from statistics import mean, median

import numpy as np
from numpy.typing import NDArray

from docusnap.adapters.onnx.crops import cut, ink, runs_right, size
from docusnap.adapters.onnx.detector import Quad
from docusnap.ocr.boxes import GROWN, Box, level, rows

LONG = 5.0  # length over thickness from which a line tells how the page is tilted, and may be two
NEAR = 8.0  # of a line's height: how far above and below others tell of a column
ALIKE = 1.5  # at most this ratio of heights
FLUSH = 0.3  # of a line's height: how far apart lines of a column begin
ENOUGH = 3  # lines that begin flush are a column
STEP = 1.25  # of a column's distance from line to line: at most so far is the next one
WHITE = 0.3  # of a line's height: the least white to part at,
CLOSE = 0.5  # and how far from where the column begins it may end
DIRT = 0.05  # of a line's height: ink that is none
MIDDLE = attrgetter("middle")


def parted(page: NDArray[np.uint8], quads: Sequence[Quad]) -> list[Quad]:
    """The quads, those that reach over white between columns cut there. `page`: grey or RGB.

    That a column begins inside a quad others tell: at least three lines near it that begin flush, each with another on its left.
    The cut itself needs white in the raster, just before the place where they begin.
    """
    lines = [quad for quad in quads if runs_right(quad)]
    boxes = sorted(_boxes(lines), key=MIDDLE)
    beginning = [box for box in boxes if _has_left(box, _near(box, boxes, box.height))]
    parts = chain.from_iterable(_parts(page, lines[box.index], box, beginning) for box in boxes)
    return [*parts, *(quad for quad in quads if not runs_right(quad))]


def _boxes(quads: Sequence[Quad]) -> list[Box]:
    """On the page without its tilt."""
    tilts = [math.atan2(*(quad[1] - quad[0])[::-1].tolist()) for quad in quads if _is_long(quad)]
    tilt = median(tilts) if tilts else 0.0
    back = np.array([[math.cos(tilt), -math.sin(tilt)], [math.sin(tilt), math.cos(tilt)]])
    outlines = [(quad @ back).T for quad in quads]
    return [Box(min(xs), min(ys), max(xs), max(ys), index) for index, (xs, ys) in enumerate(outline.tolist() for outline in outlines)]


def _is_long(quad: Quad) -> bool:
    width, height = size(quad)
    return width > LONG * height


def _parts(page: NDArray[np.uint8], quad: Quad, box: Box, beginning: Sequence[Box]) -> Iterator[Quad]:
    """`beginning`: all of the page that may begin a column, by their middles."""
    if _is_long(quad) and (begins := _columns(box, beginning)):
        raster = ink(cut(page, quad))
        cuts = (_white(raster, (place - box.left) / box.width) for place in begins)
        edges = [0.0, *chain.from_iterable(dict.fromkeys(white for white in cuts if white)), 1.0]
        for left, right in zip(edges[::2], edges[1::2], strict=True):
            yield _between(quad, left, right)
    else:
        yield quad


def _near(box: Box, boxes: Sequence[Box], reach: float) -> Sequence[Box]:
    """`boxes`: by their middles."""
    return boxes[bisect_left(boxes, box.middle - reach, key=MIDDLE) : bisect_right(boxes, box.middle + reach, key=MIDDLE)]


def _columns(box: Box, beginning: Sequence[Box]) -> list[float]:
    """Where columns begin inside a box, from left to right."""
    near = _near(box, beginning, NEAR * box.height)
    alike = [other for other in near if max(other.height, box.height) <= ALIKE * min(other.height, box.height)]
    inside = [other for other in alike if box.left + box.height < other.left < box.right - box.height]
    inside.sort(key=attrgetter("left"))
    found: list[float] = []
    for start, first in enumerate(inside):
        flush = inside[start : bisect_right(inside, first.left + FLUSH * box.height, key=attrgetter("left"))]
        if _runs_on(box, flush) and (not found or first.left > found[-1] + box.height):
            found.append(median(other.left for other in flush))
    return found


def _runs_on(box: Box, flush: Sequence[Box]) -> bool:
    """Whether a box stands in a column at the column's own pace: a heading above columns or between them stands in white."""
    steps = [below[0].middle - above[0].middle for above, below in pairwise(rows(flush))]
    above = [box.middle - other.middle for other in flush if other.middle < box.middle]
    below = [other.middle - box.middle for other in flush if other.middle > box.middle]
    nearest = [min(side) for side in (above, below) if side]
    return len(flush) >= ENOUGH and len(steps) > 0 and mean(nearest) <= STEP * min(steps)


def _has_left(box: Box, others: Iterable[Box]) -> bool:
    return any(level(box, other) and other.left < box.left and other.right < box.left + GROWN * box.height for other in others)


def _white(raster: NDArray[np.bool_], place: float) -> tuple[float, float] | None:
    """Where to cut a line so that a part begins near `place`: the ends of its parts, 0 to 1 along it, in the white between them."""
    height, width = raster.shape
    bare = np.count_nonzero(raster, axis=0) <= DIRT * height
    edges = np.flatnonzero(np.diff(bare, prepend=False, append=False)).reshape(-1, 2)
    begins = place * width + GROWN * height
    wide = [(start, end) for start, end in edges.tolist() if end - start >= WHITE * height]
    near = [white for white in wide if abs(white[1] - begins) <= CLOSE * height]
    if not near:
        return None
    start, end = max(near, key=lambda white: white[1] - white[0])
    grown = min(GROWN * height, (end - start) / 2)
    return (start + grown) / width, (end - grown) / width


def _between(quad: Quad, left: float, right: float) -> Quad:
    """The part of a quad between two places along it, 0 to 1."""
    begin, end = quad[[0, 3]], quad[[1, 2]]
    (top_left, bottom_left), (top_right, bottom_right) = (begin + share * (end - begin) for share in (left, right))
    return np.array([top_left, top_right, bottom_right, bottom_left], np.float32)
