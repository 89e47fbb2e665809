"""Quotation marks as they are printed: the networks were taught to write ' and " for curly ones too, and the ink tells which it is.

A nine (’ ”) is heavy above, and its tail bends down to the left; a six (‘ “) is the same upside down; a straight mark is like itself
from left and right, once the slant of italics is taken away. Counted on 82 faces at 26 to 46 pixels, sharp, blurred, bilevel and
noisy: seven of eight curly marks are told, one of 600 straight ones is taken for curly; of italic ones one of 24, nearly all in faces
that draw them as primes (Palatino's, Bookman's). A six was taken for a nine once in 1,200 italic ones.
"""

from __future__ import annotations

import itertools
import unicodedata
from bisect import bisect
from collections.abc import Iterator, Sequence
from enum import Enum
from operator import attrgetter
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from docusnap.adapters.onnx.pieces import Inked, Piece
from docusnap.adapters.onnx.recogniser import Character, Reading

SINGLE, DOUBLE = "'‘’", '"“”'
LEAST = 8  # pixels high: in a smaller mark a pixel decides too much
HIGHEST, LOWEST = 0.5, 0.62  # of the line's height: a mark is no higher than the first and ends above the second
NARROW = 0.9  # of its own height: what is wider is no mark
NEAR = 0.35  # of the line's height: so far from where the network saw it
APART = 0.2  # of the line's height, at most, are a double mark's halves from where their neighbours are looked for
BEFORE = 0.6  # of the line's height: so far at most is a mark from the middle of the letter that follows
FAINT = 0.15  # of the ink's darkness: less is the paper's grain
LEANINGS = (0.0, 0.1, 0.2, 0.3)  # columns for a row: how italics may slant
LEAN, STEEPEST = 0.1, 0.3  # what a slope counts beside a bend, and up to which
CURLY = 0.035  # from this much bend and slope on it is curly,
TAPERED = 0.02  # where one end is so much heavier than the other;
WEDGE, POINTED = 0.25, 0.05  # or so much slope alone with such a taper: sans faces draw wedges that do not bend


class Shape(Enum):
    SIX = 0
    NINE = 1


def as_printed(raster: NDArray[Any], reading: Reading) -> Reading:
    """The reading with curly quotes where the ink shows them, also one that opens a word and was not read; what the ink does not show
    clearly stays as it was read.

    `raster`: of a line that runs to the right, grey or RGB. Lines with ideographs are left alone: the networks read their marks right.
    Cost: two milliseconds for a line that has such marks, nothing for others.
    """
    marks = [index for index, c in enumerate(reading.characters) if c.text in SINGLE or c.text in DOUBLE]
    if not marks or any(unicodedata.east_asian_width(c.text[0]) == "W" for c in reading.characters):
        return reading
    inked = Inked.of(raster)
    found = list(_candidates(inked))
    slant = _slant(inked.darkness) if found else 0.0
    characters = list(reading.characters)
    for index in marks:
        halves = _halves(inked, found, characters[index])
        figure = "".join(c.text for c in characters[:index]).rstrip()[-1:].isnumeric()
        shape = shape_of([inked.alone(half) for half in halves], slant, bent=figure) if halves else None
        if shape is not None:
            kind = SINGLE if characters[index].text in SINGLE else DOUBLE
            characters[index] = characters[index]._replace(text=kind[1 + shape.value])
    for piece in found:
        place = piece.middle / inked.width
        after = bisect(characters, place, key=attrgetter("position"))
        if _may_open(characters, after, place, inked.height / inked.width) and shape_of([inked.alone(piece)], slant) is Shape.SIX:
            characters.insert(after, Character(SINGLE[1], characters[after].confidence, place))
    return Reading(tuple(characters))


def _may_open(characters: Sequence[Character], after: int, place: float, height: float) -> bool:
    """Whether it stands before a word where nothing was read: the networks overlook single ones. `place`, `height`: shares of the line."""
    before, word = characters[after - 1 : after], characters[after : after + 1]
    if not word or not word[0].text.isalnum() or word[0].position - place > BEFORE * height:
        return False
    return all(c.text.isspace() for c in before)


def shape_of(halves: Sequence[NDArray[np.float32]], slant: float, *, bent: bool = False) -> Shape | None:
    """What the pieces of one mark show, by the mean of them; None where it is straight or not clear.

    `bent`: its slope does not count: after a figure it may be a prime, of feet or inches.
    """
    lean, bend, taper = np.mean([_measured(half) for half in halves], axis=0).tolist()
    slope = 0.0 if bent else lean - slant
    if _is_nine(slope, bend, taper):
        return Shape.NINE
    return Shape.SIX if _is_nine(slope, -bend, -taper) else None


def _is_nine(slope: float, bend: float, taper: float) -> bool:
    """A six turned upside down keeps its slope, and is one."""
    hooked = bend + LEAN * min(max(slope, -STEEPEST), STEEPEST) > CURLY and taper > TAPERED
    return hooked or (slope > WEDGE and taper > POINTED)


def _candidates(inked: Inked) -> Iterator[Piece]:
    """Pieces in the upper part of the line with nothing beneath them: the dot of an i has its stem there."""
    for piece in inked.pieces:
        small = LEAST <= piece.height <= HIGHEST * inked.height and piece.width <= NARROW * piece.height + 1
        if small and piece.bottom <= LOWEST * inked.height:
            beneath = inked.labels[piece.bottom + 1 :, int(piece.middle)]
            if not beneath.any():
                yield piece


def _halves(inked: Inked, found: Sequence[Piece], mark: Character) -> Sequence[Piece]:
    """The pieces of a mark, one or two; none where there are fewer near, or one more that may as well be it."""
    place = mark.position * inked.width
    near = [piece for piece in found if abs(piece.middle - place) <= NEAR * inked.height]
    near.sort(key=lambda piece: abs(piece.middle - place))
    wanted = 1 if mark.text in SINGLE else 2
    halves = near[:wanted]
    others = [piece for piece in near[wanted:] if min(abs(piece.middle - half.middle) for half in halves) <= APART * inked.height]
    return halves if len(halves) == wanted and not others else ()


def _slant(darkness: NDArray[np.float32]) -> float:
    """Of the line's letters, columns for a row: set upright, their stems make the sharpest steps from column to column."""
    height, width = darkness.shape

    def steps(slant: float) -> float:
        upright = cv2.warpAffine(darkness, np.array([[1, slant, 0], [0, 1, 0]], np.float32), (width + height, height))
        return float(np.square(np.diff(upright.sum(axis=0))).sum())

    return max(LEANINGS, key=steps)


def _measured(half: NDArray[np.float32]) -> tuple[float, float, float]:
    """Of one piece by its thirds: how it leans to the right going up, how its middle bends to the right, how much heavier it is above."""
    ink = np.where(half > FAINT, half, 0)
    rows = np.arange(len(ink), dtype=np.float32)
    edges = np.linspace(0, len(ink), 4)
    columns = np.arange(ink.shape[1], dtype=np.float32)
    high = len(ink) - 2  # without the soft edge
    places, weights = [], []
    for above, below in itertools.pairwise(edges.tolist()):
        third = np.clip(np.minimum(rows + 1, below) - np.maximum(rows, above), 0, 1)[:, None] * ink
        weights.append(float(third.sum()))
        places.append(float((third.sum(axis=0) * columns).sum()) / max(weights[-1], 1e-6) / high)
    top, middle, bottom = places
    taper = (weights[0] - weights[2]) / max(weights[0] + weights[2], 1e-6)
    return 1.5 * (top - bottom), middle - (top + bottom) / 2, taper
