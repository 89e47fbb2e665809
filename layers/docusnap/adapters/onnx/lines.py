"""A reading and its quad become the vocabulary's line, with a polygon for every word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from docusnap.adapters.onnx.detector import Quad
from docusnap.adapters.onnx.recogniser import Character, Reading
from docusnap.model import Line, Polygon, Word

# Of the way from a space's middle to that of the letter beside it, about a third is still white.
WHITE = 1 / 3
# The recogniser sees a vertical line from its side: marks that stand in a corner of their square come to another corner.
UPRIGHT = {"’": "，", "'": "，", "‘": "，", "°": "。", "˚": "。", "º": "。"}


def as_line(reading: Reading, quad: Quad, *, downwards: bool) -> Line:
    """`downwards`: the line runs from the quad's top to its bottom."""
    characters = [_upright(c) for c in reading.characters] if downwards else reading.characters
    words = tuple(
        Word("".join(c.text for c in letters), _mean(letters), part(quad, start, end, downwards=downwards))
        for letters, start, end in _words(characters)
    )
    return Line(" ".join(word.text for word in words), _mean(characters), part(quad, 0.0, 1.0, downwards=downwards), words)


def _upright(character: Character) -> Character:
    return Character(UPRIGHT.get(character.text, character.text), character.confidence, character.position)


def _mean(letters: Sequence[Character]) -> float:
    return round(sum(c.confidence for c in letters) / len(letters), 4)


def _words(characters: Sequence[Character]) -> Iterator[tuple[Sequence[Character], float, float]]:
    """The characters between spaces, and where they begin and end along the line (0 to 1)."""
    spaces = [-1, *(i for i, c in enumerate(characters) if c.text.isspace()), len(characters)]
    for before, after in pairwise(spaces):
        letters = characters[before + 1 : after]
        if letters:
            start = _edge(characters[before], letters[0]) if before >= 0 else 0.0
            end = _edge(characters[after], letters[-1]) if after < len(characters) else 1.0
            yield letters, start, end


def _edge(space: Character, letter: Character) -> float:
    return space.position + WHITE * (letter.position - space.position)


def part(quad: Quad, start: float, end: float, *, downwards: bool) -> Polygon:
    """The part of a quad between two places along its line, clockwise from its top left."""
    top_left, top_right, bottom_right, bottom_left = quad.astype(np.float64)
    if downwards:
        left, right = bottom_left - top_left, bottom_right - top_right
        corners = (top_left + start * left, top_right + start * right, top_right + end * right, top_left + end * left)
    else:
        top, bottom = top_right - top_left, bottom_right - bottom_left
        corners = (top_left + start * top, top_left + end * top, bottom_left + end * bottom, bottom_left + start * bottom)
    return tuple((round(float(x), 1), round(float(y), 1)) for x, y in corners)
