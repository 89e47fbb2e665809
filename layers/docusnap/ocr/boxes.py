"""Boxes of lines in the frame in which text runs to the right and lines follow downwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from statistics import median

GROWN = 0.35  # of a line's height: by so much detectors grow a box at each end, and more where a scan is noisy
LEVEL = 0.35  # of a line's height: two lines whose middles are no further apart stand on one row


@dataclass(frozen=True, eq=False)
class Box:
    """A line's place in the frame."""

    left: float
    top: float
    right: float
    bottom: float
    index: int  # of the line it stands for
    continues: bool = False  # whether its text goes on from a line before: it begins with a small letter

    @property
    def width(self) -> float:
        return self.right - self.left

    @cached_property
    def height(self) -> float:
        return self.bottom - self.top

    @cached_property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2

    @cached_property
    def reach(self) -> Interval:
        """From where to where it extends, less what the detector added."""
        grown = min(GROWN * self.height, self.width / 2)
        return self.left + grown, self.right - grown


Row = list[Box]  # boxes that stand level, from left to right
Interval = tuple[float, float]


def rows(boxes: Sequence[Box]) -> list[Row]:
    """Boxes that stand level become one row; rows from the top down."""
    found: list[Row] = []
    for box in sorted(boxes, key=lambda box: box.middle):
        if found and level(found[-1][-1], box):
            found[-1].append(box)
        else:
            found.append([box])
    return [sorted(row, key=lambda box: box.left) for row in found]


def level(one: Box, other: Box) -> bool:
    return abs(one.middle - other.middle) <= LEVEL * min(one.height, other.height)


def pitch(boxes: Sequence[Box]) -> float:
    """The usual distance from line to line."""
    height = median(box.height for box in boxes)
    steps = [below[0].middle - above[0].middle for above, below in pairwise(rows(boxes))]
    return max(median(steps or [1.3 * height]), height)
