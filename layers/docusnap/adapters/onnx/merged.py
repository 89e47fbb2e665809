"""Lines of two columns that the detector took for one, since what separates them is narrow there, are parted again."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from operator import attrgetter
from statistics import median

import numpy as np

from docusnap.adapters.onnx.crops import cut, runs_right, size
from docusnap.adapters.onnx.detector import Quad
from docusnap.adapters.onnx.survey import Ink
from docusnap.ocr.boxes import GROWN, Box, Interval, level
from docusnap.ocr.channels import BESIDE

# Down to NARROW in heights of a line.
LONG = 5.0  # length from which a line tells how the page is tilted, and may be two
REACH = 1.5  # how far from a box's edge its ink may begin, since a box grows into what it touches
FLUSH = 0.3  # how far apart lines of a column begin
SPACE = 0.15  # white that may be a word gap
WHITE = 0.3  # the least white to part at,
CLOSE = 0.15  # how far before the column's beginning it may end,
WIDE = 0.45  # and the least that several lines share where no line begins by itself
NARROW = 4.0  # white before a line, up to which it tells that lines found as one may be two
NEXT = 8  # lines above and below that tell a column's pace
ALIKE = 1.5  # at most this ratio of heights
STEP = 1.4  # of a column's distance from line to line: at most so far is the next one
BEGINNING, FOLLOWING = 3, 5  # lines that begin flush are a column; so are more of them that were found as one
WORDS = 1.5  # times the gaps between a line's words: what is no gap between words,
MANY = 8  # but for so many lines, whose gaps never meet by chance
HALF = 128  # a cell of a turned line that is no more than half one with ink
ROUNDS = 4  # what was parted tells of its neighbours
_INKED = np.zeros(1, bool)
MIDDLE, END = attrgetter("middle"), attrgetter("end")


@dataclass(frozen=True, slots=True)
class _White:
    """White in a line or before it, and then ink; in the frame of the boxes."""

    box: Box
    start: float
    end: float
    begins: bool  # whether a box begins there, with another on its left; else it goes on over the white
    words: float = 0.0  # how wide other gaps in the line are

    @property
    def middle(self) -> float:
        return self.box.middle


def parted(quads: Sequence[Quad], ink: Ink) -> list[Quad]:
    """The quads, which lie on the page, those that reach over white between columns cut there.

    That a column begins inside a quad other lines tell, which follow at one pace: three or more that begin flush there, each
    with another on its left, or at least five with the same white in them, wider than the gaps between words.
    """
    lines = [quad for quad in quads if runs_right(quad)]
    for _ in range(ROUNDS if ink.cells.size else 0):
        once = _once(lines, ink)
        if len(once) == len(lines):
            break
        lines = once
    return [*lines, *(quad for quad in quads if not runs_right(quad))]


def _once(lines: Sequence[Quad], ink: Ink) -> list[Quad]:
    boxes = sorted(_boxes(lines), key=MIDDLE)
    bare = {box.index: _bare(lines[box.index], box, ink) for box in boxes}
    inside = [white for box in boxes if _is_long(lines[box.index]) for white in _inside(box, bare[box.index])]
    if not inside:
        return list(lines)
    begins = [_before(box, left, bare) for box in boxes if box.width > 2 * box.height and (left := _left_of(box, boxes))]
    whites = _Whites([*begins, *inside])
    found: dict[int, list[_White]] = defaultdict(list)
    for place in whites.places():
        members = whites.at(place)
        for column in _following(members, _across(place, boxes, members) if members else []):
            if sum(_is_flush(white, place) for white in column) >= BEGINNING or _is_gutter(column, place):
                for white in column:
                    if not white.begins and white not in found[white.box.index]:
                        found[white.box.index].append(white)
    return list(chain.from_iterable(_parts(lines[box.index], box, found[box.index]) for box in boxes))


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


def _bare(quad: Quad, box: Box, ink: Ink) -> list[Interval]:
    """Where a line has no ink, from its left to its right, those ends too."""
    on_map = quad / np.float32(ink.size)
    cells = cut(ink.cells, on_map)
    if not cells.size:
        return []
    left, scale = box.left, box.width / cells.shape[1]
    if np.may_share_memory(cells, ink.cells):  # of a line that stands straight whole cells
        left, scale = box.left - float(on_map[0, 0] % 1) * ink.size, ink.size
    bare = np.concatenate([_INKED, cells.max(axis=0) < HALF, _INKED])
    edges = np.flatnonzero(bare[1:] != bare[:-1]).tolist()
    return [(left + start * scale, left + end * scale) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def _inside(box: Box, bare: Iterable[Interval]) -> list[_White]:
    """What is wide enough to be cut at."""
    spaces = [(start, end) for start, end in bare if end - start >= SPACE * box.height]
    within = [(start, end) for start, end in spaces if start > box.left + box.height and end < box.right - box.height]
    gaps = [end - start for start, end in within]
    wide = [number for number, gap in enumerate(gaps) if gap >= WHITE * box.height]
    words = {number: median([*gaps[:number], *gaps[number + 1 :]] or [0.0]) for number in wide}
    return [_White(box, *within[number], begins=False, words=words[number]) for number in wide]


def _left_of(box: Box, boxes: Sequence[Box]) -> Box | None:
    reach = BESIDE * box.height
    near = boxes[bisect_left(boxes, box.middle - reach, key=MIDDLE) : bisect_right(boxes, box.middle + reach, key=MIDDLE)]
    beside = (other for other in near if other.left < box.left and other.right < box.left + box.height)
    return max(beside, key=lambda other: (level(other, box), other.right), default=None)


def _before(box: Box, left: Box, bare: Mapping[int, Sequence[Interval]]) -> _White:
    """The white before a line. Where its box has grown into the line on its left, its ink begins behind the widest white."""
    begins = [(start, end) for start, end in bare[box.index] if start < box.left + REACH * box.height]
    own = max(begins, key=lambda white: (white[0] <= box.left, white[1] - white[0]), default=(box.left, box.left + GROWN * box.height))
    if own[0] > box.left + GROWN * box.height:
        return _White(box, *own, begins=True)
    ends = [start for start, end in bare[left.index] if end > left.right - GROWN * left.height]
    return _White(box, min(ends, default=left.right), own[1], begins=True)


class _Whites:
    """What there is of them on a page, by where it ends."""

    def __init__(self, whites: Iterable[_White]) -> None:
        self._whites = sorted(whites, key=END)
        self._ends = np.array([white.end for white in self._whites])
        self._starts = np.array([white.start for white in self._whites])
        self._heights = np.array([white.box.height for white in self._whites])
        self._begins = np.array([white.begins for white in self._whites])

    def places(self) -> Iterator[float]:
        """Where lines may begin flush, those first where most do."""
        firsts = np.arange(len(self._ends))
        lasts = np.searchsorted(self._ends, self._ends + FLUSH * self._heights, side="right")
        free = np.ones(len(self._ends), bool)
        for first in np.argsort(firsts - lasts, kind="stable").tolist():
            window = slice(first, lasts[first])
            ends = self._ends[window][free[window]]
            if len(ends) >= BEGINNING:
                free[window] = False
                yield float(np.median(ends))

    def at(self, place: float) -> list[_White]:
        """What has white at a place, or begins flush there; from the top down."""
        over = (self._starts <= place - WHITE * self._heights) & (self._ends >= place - CLOSE * self._heights)
        flush = self._begins & (np.abs(self._ends - place) <= FLUSH * self._heights)
        found = np.flatnonzero(over | flush).tolist()
        return sorted((self._whites[number] for number in found), key=MIDDLE) if len(found) >= BEGINNING else []


def _is_flush(white: _White, place: float) -> bool:
    return white.begins and abs(white.end - place) <= FLUSH * white.box.height


def _across(place: float, boxes: Iterable[Box], members: Sequence[_White]) -> list[float]:
    """The middles of the lines that go on over a place without white there, from the top down."""
    white = {member.box.index for member in members}
    crossing = (box for box in boxes if box.left + REACH * box.height < place < box.right - REACH * box.height)
    return [box.middle for box in crossing if box.index not in white]


def _following(members: Sequence[_White], across: Sequence[float]) -> Iterator[list[_White]]:
    """Parted where a line goes on over the white, where the type changes, and where a step down is longer than others near it: a
    heading above columns or between them stands in white.
    """
    steps = [below.middle - above.middle for above, below in pairwise(members)]
    column = list(members[:1])
    for number, (above, below) in enumerate(pairwise(members)):
        small, large = sorted((above.box.height, below.box.height))
        pace = min(step for step in steps[max(0, number - NEXT) : number + NEXT + 1] if step > small / 2 or step == steps[number])
        crossed = bisect_left(across, above.middle) < bisect_left(across, below.middle)
        if crossed or steps[number] > STEP * pace or large > ALIKE * small:
            yield column
            column = []
        column.append(below)
    if column:
        yield column


def _is_gutter(column: Sequence[_White], place: float) -> bool:
    """Whether the white that lines share is more than what happens to lie between words."""
    within = [white for white in column if not white.begins]
    telling = [white for white in column if not white.begins or white.end - white.start <= NARROW * white.box.height]
    if not within or len(telling) < FOLLOWING:
        return False
    height, words = median(white.box.height for white in within), median(white.words for white in within)
    least = WIDE * height if len(telling) >= MANY else max(WIDE * height, WORDS * words)
    return place - max(white.start for white in column) >= least


def _parts(quad: Quad, box: Box, whites: Iterable[_White]) -> Iterator[Quad]:
    """The quad cut in each white, the parts as a detector would have drawn them: grown."""
    edges = [box.left]
    for white in sorted(whites, key=END):
        grown = min(GROWN * box.height, (white.end - white.start) / 2)
        if white.start + grown > edges[-1] + box.height:
            edges += [white.start + grown, white.end - grown]
    edges.append(box.right)
    for left, right in zip(edges[::2], edges[1::2], strict=True):
        yield quad if len(edges) == 2 else _between(quad, (left - box.left) / box.width, (right - box.left) / box.width)


def _between(quad: Quad, left: float, right: float) -> Quad:
    """The part of a quad between two places along it, 0 to 1."""
    begin, end = quad[[0, 3]], quad[[1, 2]]
    (top_left, bottom_left), (top_right, bottom_right) = (begin + share * (end - begin) for share in (left, right))
    return np.array([top_left, top_right, bottom_right, bottom_left], np.float32)
