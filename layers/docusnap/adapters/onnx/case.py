"""Capital or small, where a letter stands alone and has the same shape in both: its height beside that of the line's other words tells."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docusnap.adapters.onnx.crops import ink
from docusnap.adapters.onnx.recogniser import Character, Reading, spans

SAME = frozenset("cosuvwxzCOSUVWXZ")
TALL = frozenset("0123456789bdfhklABDEFGHIJKLMNPQRTY")  # as high as capitals are
LOW = frozenset("gjpqyQJ,;()[]{}|/$@_")  # reach below the line that letters stand on
CAPITAL = 0.88  # of a capital's height: small letters have less than eight tenths
LETTERS = 6.0  # pixels high: in smaller type a pixel decides too much


@dataclass(frozen=True, slots=True)
class _Word:
    characters: Sequence[Character]
    first: int  # of the line's characters
    top: int  # rows of the raster
    bottom: int


def recased(raster: NDArray[Any], reading: Reading) -> Reading:
    """The reading with its lone letters as high as they stand. `raster`: of a line that runs to the right, grey or RGB."""
    found = list(spans(reading.characters))
    if not any(end - start == 1 and reading.characters[start].text in SAME for start, end in found):
        return reading
    words = [word for span in found if (word := _seen(raster, reading.characters, span)) is not None]
    height = _height(words)
    if height is None:
        return reading
    top, base = height
    characters = list(reading.characters)
    for word in words:
        if len(word.characters) == 1 and word.characters[0].text in SAME:
            characters[word.first] = _as_high(word.characters[0], (base - word.top) / (base - top))
    return Reading(tuple(characters))


def _as_high(letter: Character, height: float) -> Character:
    return letter._replace(text=letter.text.upper() if height >= CAPITAL else letter.text.lower())


def _height(words: Sequence[_Word]) -> tuple[float, float] | None:
    """The rows where the line's capitals begin and where its letters stand; None where too little tells them."""
    tops = [word.top for word in words if TALL & {c.text for c in word.characters}]
    bases = [word.bottom for word in words if not LOW & {c.text for c in word.characters}]
    if not tops or not bases:
        return None
    top, base = statistics.median(tops), statistics.median(bases)
    return (top, base) if base - top >= LETTERS else None


def _seen(raster: NDArray[Any], characters: Sequence[Character], span: tuple[int, int]) -> _Word | None:
    """The word with the rows that its ink takes, between the spaces around it."""
    start, end = span
    left = characters[start - 1].position if start else 0.0
    right = characters[end].position if end < len(characters) else 1.0
    part = raster[:, round(left * raster.shape[1]) : round(right * raster.shape[1])]
    rows = np.flatnonzero(ink(part).any(axis=1)).tolist() if part.size else []
    return _Word(characters[start:end], start, rows[0], rows[-1] + 1) if rows else None
