"""Boxes of lines in the frame in which text runs to the right and lines follow downwards."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from operator import attrgetter
from statistics import median

GROWN = 0.35  # of a line's height: by so much detectors grow a box at each end, and more where a scan is noisy
LEVEL = 0.35  # of a line's height: two lines whose middles are no further apart stand on one row
_ENDS = (".", "!", "?", ":", ";", "…", "。", "！", "？", "：", "；")
_TOGETHER = re.compile(r"\W*(?:[a-zA-Z0-9]+|\w)?\W*\w?")  # of letters without spaces what may be kept on one line


@dataclass(frozen=True)
class Text:
    """What of a line's text tells whether it is running text."""

    text: str

    @cached_property
    def continues(self) -> bool:
        """Whether it goes on from a line before: it begins with a small letter."""
        return self.text[:1].islower()

    @cached_property
    def ends(self) -> bool:
        """Whether a sentence may end with it."""
        return self.text.rstrip(" \"'”’」』）)》】").endswith(_ENDS)

    @cached_property
    def first(self) -> float:
        """How much of the line its first word takes, 0 to 1; without spaces two letters, since marks may keep them together."""
        together = _TOGETHER.match(self.text) if self.unspaced else None
        first = together[0] if together else self.text.split(" ", 1)[0]
        return _advance(first) / max(_advance(self.text), 1)

    @cached_property
    def unspaced(self) -> bool:
        """Whether it is written without spaces, as Chinese is."""
        return not self.text.isascii() and _advance(self.text) > 1.5 * len(self.text)

    @cached_property
    def running(self) -> bool:
        """Whether it has letters above all, and several words of them."""
        letters = sum(map(str.isalpha, self.text))
        return letters > len(self.text) / 2 and (self.text.count(" ") > 1 or self.unspaced)


def _advance(text: str) -> int:
    """In halves of an ideograph."""
    return len(text) if text.isascii() else sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)


@dataclass(frozen=True, eq=False)
class Box:
    """A line's place in the frame."""

    left: float
    top: float
    right: float
    bottom: float
    index: int  # of the line it stands for
    text: Text = Text("")

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
    for box in sorted(boxes, key=attrgetter("middle", "left", "right")):
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
