"""A reading and its quad become the vocabulary's line, with a polygon for every word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

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
    characters, found = reading.characters, list(spans(reading.characters))
    texts = [UPRIGHT.get(c.text, c.text) if downwards else c.text for c in characters]
    words = ["".join(texts[first:after]) for first, after in found]
    places = [(0.0, 1.0), *_places(characters, found)]
    whole, *polygons = _parts(quad, places, downwards=downwards)
    likely = _likely(words, [min(c.confidence for c in characters[first:after]) for first, after in found])
    return Line(" ".join(words), min(likely), whole, tuple(map(Word, words, likely, polygons)))


def _likely(words: Sequence[str], weakest: Sequence[float]) -> list[float]:
    """Each is as likely to be right as its weakest character. Asked of all at once: a call costs more than its answers."""
    likely = np.interp(weakest, TOLD, RIGHT).round(4).tolist()
    return [min(right, STRAIGHT_QUOTE) if '"' in word else right for word, right in zip(words, likely, strict=True)]


def _places(characters: Sequence[Character], found: Iterable[tuple[int, int]]) -> Iterator[tuple[float, float]]:
    """Where words begin and end along the line, 0 to 1."""
    for first, after in found:
        start = _edge(characters[first - 1], characters[first]) if first else 0.0
        yield start, _edge(characters[after], characters[after - 1]) if after < len(characters) else 1.0


def _edge(space: Character, letter: Character) -> float:
    return space.position + WHITE * (letter.position - space.position)


def _parts(quad: Quad, places: Iterable[tuple[float, float]], *, downwards: bool) -> Iterator[Polygon]:
    """The parts of a quad between two places along its line, clockwise from their top left."""
    top_left, top_right, bottom_right, bottom_left = quad.tolist()  # numbers of Python's own: arrays of four cost more
    for start, end in places:
        if downwards:
            left, right = (top_left, bottom_left), (top_right, bottom_right)
            yield _along(left, start), _along(right, start), _along(right, end), _along(left, end)
        else:
            top, bottom = (top_left, top_right), (bottom_left, bottom_right)
            yield _along(top, start), _along(top, end), _along(bottom, end), _along(bottom, start)


def _along(side: tuple[Sequence[float], Sequence[float]], share: float) -> tuple[float, float]:
    """To a tenth of a pixel; `round` with a number of digits takes twice as long."""
    (x, y), (far_x, far_y) = side
    return round(10 * (x + share * (far_x - x))) / 10, round(10 * (y + share * (far_y - y))) / 10
