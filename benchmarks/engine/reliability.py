"""What a line's confidence is worth: of the lines that claim so much, how many are right.

A recognised line is right when it is without error what is printed where it lies. Recognised lines are other pieces than
printed ones: one may hold two cells of a row, or half of a long line. So it is compared with all printed lines on which it
lies (at least half of the smaller of the two areas is common to both), one after the other in reading order; and it is right
when its text, after NFKC and without white space, is some part of theirs: edit distance 0 to the best part. What a line lacks
at its ends is therefore not held against its confidence (the character error rate holds it against the page), and what lies
on no printed line is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np

from benchmarks.engine.distance import plain
from benchmarks.pages.sheet import Point, Printed

EDGES = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0)
SURE = 0.95


@dataclass(frozen=True, slots=True)
class Judged:
    """A recognised line: what it claimed, and whether it was right."""

    confidence: float
    right: bool


@dataclass(frozen=True, slots=True)
class Bin:
    """Lines whose confidence is at least `low` and below `high` (the last one: at most)."""

    low: float
    high: float
    lines: int
    right: int

    @property
    def share(self) -> float:
        return self.right / self.lines if self.lines else float("nan")


def judged(printed: Sequence[Printed], told: Mapping[str, Any], size: tuple[int, int]) -> Iterator[Judged]:
    """`told`: a page as a peer told it; `size`: width and height of the picture as stored."""
    areas = [(line.text, [upright(point, told["rotation"], size) for point in line.corners]) for line in printed]
    for line in told["lines"]:
        below = [text for text, corners in areas if lies_on(line["polygon"], corners)]
        yield Judged(line["confidence"], bool(below) and plain(line["text"]) in plain("".join(below)))


def upright(point: Point, rotation: int, size: tuple[int, int]) -> Point:
    """Where a point of the stored picture is after so many degrees clockwise."""
    (x, y), (width, height) = point, size
    return {0: (x, y), 90: (height - y, x), 180: (width - x, height - y), 270: (y, width - x)}[rotation]


def lies_on(one: Sequence[Point], other: Sequence[Point]) -> bool:
    first, second = np.array(one, np.float32), np.array(other, np.float32)
    common, _ = cv2.intersectConvexConvex(first, second)
    return common >= 0.5 * min(cv2.contourArea(first), cv2.contourArea(second)) > 0


def curve(lines: Sequence[Judged], edges: Sequence[float] = EDGES) -> list[Bin]:
    return [within(lines, low, high) for low, high in pairwise(edges)]


def within(lines: Sequence[Judged], low: float, high: float) -> Bin:
    inside = [line for line in lines if low <= line.confidence < high or line.confidence == high == 1]
    return Bin(low, high, len(inside), sum(line.right for line in inside))
