"""A reading and its quad become the vocabulary's line, with a polygon for every word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from docusnap.adapters.onnx.detector import Quad
from docusnap.adapters.onnx.recogniser import Character, Reading, spans
from docusnap.model import Line, Polygon, Word

# Of the way from a space's middle to that of the letter beside it, about a third is still white.
WHITE = 1 / 3
# What the networks say of a line's weakest character, and how many such lines are right: counted on 5,379 drawn lines
# (benchmarks/pages, seeds 2 and 3), which are not those that `make bench-engine` prints the reliability of.
TOLD = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.985, 0.99, 0.995, 0.999, 1.0)
RIGHT = (0.0, 0.02, 0.2, 0.5, 0.65, 0.78, 0.82, 0.88, 0.95, 0.97, 0.985, 0.99, 1.0)
# Right so often (16 of 26 drawn lines), however sure the networks are: the others are curly, and their ink did not tell.
STRAIGHT_QUOTE = 0.6
# The recogniser sees a vertical line from its side: marks that stand in a corner of their square come to another corner.
UPRIGHT = {"’": "，", "'": "，", "‘": "，", "°": "。", "˚": "。", "º": "。"}


def as_line(reading: Reading, quad: Quad, *, downwards: bool) -> Line:
    """`downwards`: the line runs from the quad's top to its bottom."""
    characters = [_upright(c) for c in reading.characters] if downwards else reading.characters
    found = list(_words(characters))
    # Each is as likely to be right as its weakest character. Asked of all at once: a call costs more than its answers.
    right = np.interp([min(c.confidence for c in letters) for letters, _, _ in found], TOLD, RIGHT).tolist()
    words = tuple(
        Word("".join(c.text for c in letters), _confidence(letters, likely), part(quad, start, end, downwards=downwards))
        for (letters, start, end), likely in zip(found, right, strict=True)
    )
    confidence = min(word.confidence or 0.0 for word in words)
    return Line(" ".join(word.text for word in words), confidence, part(quad, 0.0, 1.0, downwards=downwards), words)


def _upright(character: Character) -> Character:
    return Character(UPRIGHT.get(character.text, character.text), character.confidence, character.position)


def _confidence(letters: Sequence[Character], likely: float) -> float:
    return round(min(likely, STRAIGHT_QUOTE) if any(c.text == '"' for c in letters) else likely, 4)


def _words(characters: Sequence[Character]) -> Iterator[tuple[Sequence[Character], float, float]]:
    """The characters between spaces, and where they begin and end along the line (0 to 1)."""
    for first, after in spans(characters):
        letters = characters[first:after]
        start = _edge(characters[first - 1], letters[0]) if first else 0.0
        end = _edge(characters[after], letters[-1]) if after < len(characters) else 1.0
        yield letters, start, end


def _edge(space: Character, letter: Character) -> float:
    return space.position + WHITE * (letter.position - space.position)


def part(quad: Quad, start: float, end: float, *, downwards: bool) -> Polygon:
    """The part of a quad between two places along its line, clockwise from its top left."""
    top_left, top_right, bottom_right, bottom_left = quad.tolist()
    if downwards:
        left, right = (top_left, bottom_left), (top_right, bottom_right)
        return _along(*left, start), _along(*right, start), _along(*right, end), _along(*left, end)
    top, bottom = (top_left, top_right), (bottom_left, bottom_right)
    return _along(*top, start), _along(*top, end), _along(*bottom, end), _along(*bottom, start)


def _along(begin: Sequence[float], end: Sequence[float], share: float) -> tuple[float, float]:
    return round(begin[0] + share * (end[0] - begin[0]), 1), round(begin[1] + share * (end[1] - begin[1]), 1)
