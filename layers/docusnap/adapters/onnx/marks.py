"""Punctuation of vertical lines: the networks see such a line from its side, and overlook marks that stand in a corner of their square.

Where a square between two characters was read as nothing and holds ink, it is set as in a horizontal line, between its
neighbours, and read again.
"""

from __future__ import annotations

import itertools
import statistics
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from docusnap.adapters.onnx.crops import ink
from docusnap.adapters.onnx.recogniser import Character, Reading

FEW = 4  # characters: fewer do not tell how far apart they are
LEAST = 2.0  # pixels from one to the next: less shows no mark
WIDER = 1.5  # distances, from which a square is missing between two characters
INNER = 0.9  # of a square: what is beyond may be its neighbour's
CORE = 0.3  # of a square, from its middle: so far a character surely reaches
SPECK = 0.002  # of the square: less ink is dirt
SMALL = 0.55  # of the square's side: a mark that fits stands in a corner
FLAT = 2.0  # length over thickness of a bracket or a dash: these are turned with the line
COLON, TALL = 2, 0.8  # pieces, as ; and : have, and of the square's side: so high they may stand
MARKS = {"P", "S"}  # Unicode's categories of punctuation and symbols
MINUTE = frozenset("ˇˊˋ˙˚°º")  # what a lone 。 is taken for

Raster = NDArray[Any]  # grey or RGB; of a vertical line that was turned counter-clockwise
Read = Callable[[Sequence[Raster]], Sequence[Reading]]


@dataclass(frozen=True, slots=True)
class Gap:
    """A square that was read as nothing."""

    after: int  # characters before it
    centre: float  # pixels along the line
    side: float  # pixels


def with_marks(lines: Sequence[tuple[Raster, Reading]], read: Read) -> list[Reading]:
    """The readings of vertical lines with the marks that were overlooked. `read` reads rasters of horizontal lines."""
    missing = [(index, gap) for index, (raster, reading) in enumerate(lines) for gap in gaps(raster, reading)]
    found = read([restaged(lines[index][0], lines[index][1], gap) for index, gap in missing]) if missing else ()
    marked = [list(reading.characters) for _, reading in lines]
    for (index, gap), reading in reversed(list(zip(missing, found, strict=True))):
        marked[index][gap.after : gap.after] = _marks(reading, gap, lines[index][0].shape[1])
    return [Reading(tuple(characters)) for characters in marked]


def gaps(raster: Raster, reading: Reading) -> Iterator[Gap]:
    """Squares with ink between two characters, and after the last."""
    length = raster.shape[1]
    places = [character.position * length for character in reading.characters]
    if len(places) < FEW:
        return
    side = statistics.median(after - before for before, after in itertools.pairwise(places))
    if side < LEAST:
        return
    ends = [*places[1:], length + side / 2]
    for index, (place, following) in enumerate(zip(places, ends, strict=True)):
        gap = Gap(index + 1, min(place + side, (place + following) / 2), side)
        if following - place > WIDER * side and _is_marked(raster, place, gap):
            yield gap


def restaged(raster: Raster, reading: Reading, gap: Gap) -> Raster:
    """The square between its neighbours, as a horizontal line has them."""
    places = [character.position * raster.shape[1] for character in reading.characters]
    before = places[gap.after - 1]
    after = places[gap.after] if gap.after < len(places) else places[gap.after - 2]
    cells = [_upright(_square(raster, place, gap.side)) for place in (before, after)]
    return np.ascontiguousarray(np.hstack([cells[0], _staged(_square(raster, gap.centre, gap.side)), cells[1]]))


def _square(raster: Raster, centre: float, side: float) -> Raster:
    """As high as the line and as long as one character; beyond the line's end there is paper."""
    half = round(INNER * side / 2)
    padded = cv2.copyMakeBorder(raster, 0, 0, 2 * half, 2 * half, cv2.BORDER_REPLICATE)
    start = round(centre) + half
    return padded[:, start : start + 2 * half]


def _upright(square: Raster) -> Raster:
    return np.rot90(square, -1)


def _is_marked(raster: Raster, place: float, gap: Gap) -> bool:
    """Whether there is ink that is parted from the character before, at `place`: what is not is the end of its strokes."""
    start, stop = round(place + CORE * gap.side), round(gap.centre + INNER * gap.side / 2)
    seen = ink(raster[:, start:stop])
    white = np.flatnonzero(~seen.any(axis=0))
    return len(white) > 0 and bool(seen[:, white[0] :].sum() > SPECK * raster.shape[0] * gap.side)


def _staged(square: Raster) -> Raster:
    """A mark in a corner comes to the lower left one; a bracket, a dash or an ellipsis stays turned as the line is."""
    seen = ink(square)
    if not seen.any():
        return _upright(square)
    pieces = cv2.connectedComponents(seen.astype(np.uint8))[0] - 1  # without the ground
    rows, columns = (np.flatnonzero(seen.any(axis=axis)) for axis in (1, 0))
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    if max(height, width) > (TALL if pieces == COLON else SMALL) * min(seen.shape):
        return _level(square) if max(height, width) > FLAT * min(height, width) else _upright(square)
    mark = _upright(square[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    paper = np.full_like(_upright(square), np.median(square))
    low, left = round(0.9 * paper.shape[0]), round(0.1 * paper.shape[1])
    top = max(0, low - mark.shape[0])
    paper[top : top + mark.shape[0], left : left + mark.shape[1]] = mark
    return paper


def _level(square: Raster) -> Raster:
    """To the shape that an upright square has."""
    return cv2.resize(np.ascontiguousarray(square), (square.shape[0], square.shape[1]), interpolation=cv2.INTER_LINEAR)


def _marks(reading: Reading, gap: Gap, length: int) -> list[Character]:
    """What was read in the middle third, where all of it is marks."""
    middle = [character for character in reading.characters if 1 / 3 <= character.position <= 2 / 3]
    found = [Character(_full(character.text), character.confidence, gap.centre / length) for character in middle]
    return found if all(unicodedata.category(character.text[0])[0] in MARKS for character in found) else []


def _full(text: str) -> str:
    return "。" if text in MINUTE else text
