"""Lines as an engine found them, in no order, become lines in reading order, and blocks of them.

Pure functions on polygons. Skew is taken out first; vertical text is horizontal text seen from its side, so Chinese
columns from right to left need no rules of their own.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from docusnap.model import Block, Line, Polygon
from docusnap.ocr.boxes import Box, Row, Text
from docusnap.ocr.paragraphs import kind, paragraphs
from docusnap.ocr.sequence import order

TALL = 2.0  # height over width from which a line of two characters or more is vertical
WORD_GAP = 0.8  # of a line's height: boxes no further apart on one row are one line
SAME_SIZE = 1.6  # at most this ratio of heights within a line


@dataclass(frozen=True, slots=True)
class Layout:
    """A page's lines in reading order, and the paragraphs they form."""

    lines: tuple[Line, ...]
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class _Frame:
    """How the page must be seen for text to run to the right and lines to follow downwards."""

    skew: float  # radians clockwise
    vertical: bool

    def box(self, line: Line, index: int) -> Box:
        points = [self._seen(x, y) for x, y in line.polygon]
        xs, ys = [x for x, _ in points], [y for _, y in points]
        return Box(min(xs), min(ys), max(xs), max(ys), index, Text(line.text))

    def polygon(self, boxes: Iterable[Box]) -> Polygon:
        """The rectangle around boxes, back on the page, clockwise from its top left."""
        boxes = list(boxes)
        left, top = min(box.left for box in boxes), min(box.top for box in boxes)
        right, bottom = max(box.right for box in boxes), max(box.bottom for box in boxes)
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        if self.vertical:  # the page's top left is this frame's bottom left
            corners = [corners[3], *corners[:3]]
        return tuple(self._on_page(x, y) for x, y in corners)

    def _seen(self, x: float, y: float) -> tuple[float, float]:
        x, y = _turned(x, y, -self.skew)
        return (y, -x) if self.vertical else (x, y)

    def _on_page(self, x: float, y: float) -> tuple[float, float]:
        return _turned(*((-y, x) if self.vertical else (x, y)), self.skew)


def arrange(lines: Sequence[Line]) -> Layout:
    """Order lines for reading; pieces of one line that the detector cut at a word gap are joined again.

    The lines may come in any order: the result depends on their polygons, and on what they say.
    """
    frame = _frame(lines)
    if not frame.vertical:
        return _arranged(lines, frame)
    head, body, foot = _across(lines)
    parts = [_arranged(part, _frame(part)) for part in (head, body, foot)]
    return _one_after_the_other(parts)


def _arranged(lines: Sequence[Line], frame: _Frame) -> Layout:
    boxes = [frame.box(line, index) for index, line in enumerate(lines)]
    usual = _usual_height(boxes, lines)
    arranged: list[Line] = []
    blocks: list[Block] = []
    for region in order(boxes):
        for paragraph in paragraphs(region):
            first = len(arranged)
            pieces = [_pieces(row, lines) for row in paragraph]
            arranged += [_join(each, lines, frame) for row in pieces for each in row]
            blocks.append(Block(kind(paragraph, [len(row) for row in pieces], usual), first, len(arranged) - 1))
    return Layout(tuple(arranged), tuple(blocks))


def _usual_height(boxes: Sequence[Box], lines: Sequence[Line]) -> float:
    """Of the type in which most characters are set."""
    return median([box.height for box in boxes for _ in lines[box.index].text] or [0.0])


def _across(lines: Sequence[Line]) -> tuple[list[Line], list[Line], list[Line]]:
    """On a page of vertical text: the horizontal lines above it, the text, and the horizontal lines below it."""
    tall = [line for line in lines if _is_tall(line)]
    top = min(y for line in tall for _, y in line.polygon)
    bottom = max(y for line in tall for _, y in line.polygon)
    head = [line for line in lines if _middle(line) < top]
    foot = [line for line in lines if _middle(line) > bottom]
    return head, [line for line in lines if top <= _middle(line) <= bottom], foot


def _middle(line: Line) -> float:
    return sum(y for _, y in line.polygon) / len(line.polygon)


def _one_after_the_other(layouts: Iterable[Layout]) -> Layout:
    lines: list[Line] = []
    blocks: list[Block] = []
    for layout in layouts:
        blocks += [replace(block, first=block.first + len(lines), last=block.last + len(lines)) for block in layout.blocks]
        lines += layout.lines
    return Layout(tuple(lines), tuple(blocks))


def _frame(lines: Sequence[Line]) -> _Frame:
    tall = [line for line in lines if _is_tall(line)]
    vertical = sum(len(line.text) for line in tall) > sum(len(line.text) for line in lines) / 2
    long = tall if vertical else [line for line in lines if _sides(line)[0] > 5 * _sides(line)[1]]
    return _Frame(median(_tilt(line, vertical) for line in long) if long else 0.0, vertical)


def _is_tall(line: Line) -> bool:
    width, height = _sides(line)
    return height >= TALL * width and len(line.text) > 1


def _sides(line: Line) -> tuple[float, float]:
    top_left, top_right, _, bottom_left = line.polygon
    return math.dist(top_left, top_right), math.dist(top_left, bottom_left)


def _tilt(line: Line, vertical: bool) -> float:
    """How far a line is turned clockwise, in radians: by its upper edge, or by the left one if it runs downwards."""
    (x0, y0), (x1, y1), _, (x3, y3) = line.polygon
    return math.atan2(x0 - x3, y3 - y0) if vertical else math.atan2(y1 - y0, x1 - x0)


def _turned(x: float, y: float, angle: float) -> tuple[float, float]:
    cosine, sine = math.cos(angle), math.sin(angle)
    return x * cosine - y * sine, x * sine + y * cosine


def _pieces(row: Row, lines: Sequence[Line]) -> list[list[Box]]:
    """The boxes of a row that belong to one line together: a word gap apart, of one size, and running along it."""
    found: list[list[Box]] = []
    for box in row:
        if found and _continues(found[-1][-1], box) and not any(_runs_across(piece, lines) for piece in (found[-1][-1], box)):
            found[-1].append(box)
        else:
            found.append([box])
    return found


def _continues(left: Box, right: Box) -> bool:
    small, large = sorted((left.height, right.height))
    return right.left - left.right <= WORD_GAP * small and large <= SAME_SIZE * small


def _runs_across(box: Box, lines: Sequence[Line]) -> bool:
    """A horizontal line on a page of vertical text, or the reverse."""
    return box.height > box.width and len(lines[box.index].text) > 1


def _join(pieces: Sequence[Box], lines: Sequence[Line], frame: _Frame) -> Line:
    parts = [lines[box.index] for box in pieces]
    if len(parts) == 1:
        return parts[0]
    text = parts[0].text
    for part in parts[1:]:
        text += part.text if _unspaced(text, part.text) else f" {part.text}"
    known = [part.confidence for part in parts if part.confidence is not None]
    confidence = min(known) if known else None  # a line is right if all its parts are
    return Line(text, confidence, frame.polygon(pieces), tuple(word for part in parts for word in part.words))


def _unspaced(before: str, after: str) -> bool:
    """Chinese and Japanese are written without spaces."""
    return all(unicodedata.east_asian_width(text) in {"W", "F"} for text in (before[-1:], after[:1]) if text)
