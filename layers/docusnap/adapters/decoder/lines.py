"""Characters to lines and words, in the order of the PDF's content: pure arithmetic.

A line goes on while the next character stands beside the last one in the same direction, with a gap that a space could fill. So columns
are never merged, and a table's cells are lines of their own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from docusnap.adapters.decoder.glyphs import BROKEN, SPACE, Glyph
from docusnap.model import Line, Polygon, Word

TURN = math.radians(5)  # characters of one line do not differ more
GUTTER = 1.8  # in heights of the line: a wider gap ends it
WORD_GAP = 0.3  # in heights: so wide without a space in the text is one
CHINESE_GAP = 0.7  # Chinese characters stand apart without a space being meant
SAME_LINE = 0.5  # of the lower height must overlap


@dataclass(slots=True)
class _Run:
    """A line in the making: words of characters, and the direction of the first."""

    angle: float
    words: list[list[Glyph]] = field(default_factory=list)
    downwards: bool = False  # Chinese from top to bottom, its characters upright

    @property
    def last(self) -> Glyph:
        return self.words[-1][-1]

    @property
    def single(self) -> bool:
        return len(self.words) == 1 and len(self.words[0]) == 1

    def place(self, glyph: Glyph) -> tuple[float, float]:
        """The character's middle along and across this line."""
        c, s = math.cos(self.angle), math.sin(self.angle)
        return glyph.x * c + glyph.y * s, glyph.y * c - glyph.x * s


def lines(glyphs: Iterable[Glyph]) -> list[Line]:
    """Lines with their words; confidences are None, polygons in the glyphs' pixels."""
    runs: list[_Run] = []
    spaced: Glyph | None = None
    for glyph in glyphs:
        if glyph.text == SPACE:
            spaced = spaced if spaced and not spaced.generated else glyph
        elif glyph.text != BROKEN:
            _place(runs, glyph, spaced)
            spaced = None
    return [_line(run) for run in _right_to_left(runs)]


def _right_to_left(runs: Sequence[_Run]) -> Iterator[_Run]:
    """PDFium gives lines that run downwards from left to right; Chinese is read the other way."""
    groups: list[list[_Run]] = []
    for run in runs:
        if groups and run.downwards and groups[-1][-1].downwards and _abreast(run, groups[-1][-1]):
            groups[-1].append(run)
        else:
            groups.append([run])
    for group in groups:
        yield from sorted(group, key=lambda run: -run.last.x)


def _abreast(first: _Run, second: _Run) -> bool:
    return first.words[0][0].y < second.last.y and second.words[0][0].y < first.last.y


def _place(runs: list[_Run], glyph: Glyph, spaced: Glyph | None) -> None:
    run = runs[-1] if runs else None
    if run is None or not _continues(run, glyph):
        runs.append(_Run(glyph.angle, [[glyph]]))
    elif _new_word(run, glyph, spaced):
        run.words.append([glyph])
    else:
        run.words[-1].append(glyph)


def _continues(run: _Run, glyph: Glyph) -> bool:
    turn = abs(math.remainder(glyph.angle - run.angle, math.tau))
    if turn > TURN:
        return False
    if run.single:
        run.downwards = _stacked(run, glyph)
    if run.downwards:
        return _stacked(run, glyph)
    return _beside(run, glyph) and _gap(run, glyph) <= GUTTER * _height(run, glyph)


def _height(run: _Run, glyph: Glyph) -> float:
    return max(run.last.height, glyph.height)


def _beside(run: _Run, glyph: Glyph) -> bool:
    apart = abs(run.place(glyph)[1] - run.place(run.last)[1])
    overlap = (run.last.height + glyph.height) / 2 - apart
    return overlap >= SAME_LINE * min(run.last.height, glyph.height)


def _gap(run: _Run, glyph: Glyph) -> float:
    """Between the two characters along the line, whichever comes first: Hebrew and Arabic run the other way."""
    return abs(run.place(glyph)[0] - run.place(run.last)[0]) - (run.last.width + glyph.width) / 2


def _stacked(run: _Run, glyph: Glyph) -> bool:
    (x0, y0), (x1, y1) = run.place(run.last), run.place(glyph)
    height = _height(run, glyph)
    close = 0.5 * height < y1 - y0 < 1.4 * height and abs(x1 - x0) < 0.2 * height
    return close and _chinese(glyph) and _chinese(run.last)


def _chinese(glyph: Glyph) -> bool:
    return "\u2e80" <= glyph.text[0] <= "\u9fff" or "\uf900" <= glyph.text[0] <= "\ufaff" or "\uff00" <= glyph.text[0] <= "\uffef"


def _new_word(run: _Run, glyph: Glyph, spaced: Glyph | None) -> bool:
    if run.downwards:
        return spaced is not None and not spaced.generated
    if spaced is not None and not spaced.generated:
        return True
    gap = _gap(run, glyph) / (_height(run, glyph) or 1.0)
    if _chinese(glyph) and _chinese(run.last):
        return gap > CHINESE_GAP
    return spaced is not None or gap > WORD_GAP


def _line(run: _Run) -> Line:
    words = [Word(_text(word), None, _polygon(run, word)) for word in run.words]
    return Line(" ".join(word.text for word in words), None, _polygon(run, [glyph for word in run.words for glyph in word]), words)


def _text(word: Sequence[Glyph]) -> str:
    return "".join(glyph.text for glyph in word)


def _polygon(run: _Run, glyphs: Sequence[Glyph]) -> Polygon:
    """The four corners of the smallest box in the line's direction, clockwise from the text's top left."""
    places = [(*run.place(glyph), glyph.width / 2, glyph.height / 2) for glyph in glyphs]
    left, right = min(a - w for a, _, w, _ in places), max(a + w for a, _, w, _ in places)
    top, bottom = min(b - h for _, b, _, h in places), max(b + h for _, b, _, h in places)
    c, s = math.cos(run.angle), math.sin(run.angle)
    corners = (left, top), (right, top), (right, bottom), (left, bottom)
    return tuple((round(a * c - b * s, 1), round(a * s + b * c, 1)) for a, b in corners)
