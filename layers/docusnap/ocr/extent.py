"""How far a gutter goes up and down, where one of its columns is longer than the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Protocol

from docusnap.ocr.boxes import Box, pitch
from docusnap.ocr.channels import Channel, Pair, crosses

CONTINUED = 2.5  # steps from line to line: what stands no further on may still belong to a column
FOLD = 3.0  # of a line's height: the least white between the texts of two pages
LARGE = 1.15  # over the type of a column: what follows it in larger type may be a heading of what stands below both columns
CAPTION = 3  # rows at most, below a picture in a column, before its text goes on
SAME_TYPE = 1.4  # ratio of heights within a column's running text, as detectors measure them


class Whole(Protocol):
    """What is known of a gutter: the lines on both sides, by their middles."""

    @property
    def channel(self) -> Channel: ...
    @property
    def lefts(self) -> list[Box]: ...
    @property
    def rights(self) -> list[Box]: ...
    @property
    def top(self) -> float: ...
    @property
    def bottom(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Break:
    """A heading with white on all sides: whatever columns share that white end above it."""

    top: float  # where the white begins
    middle: float  # of the heading's first line
    bottom: float  # of the same
    heading: frozenset[Box]

    def parts(self, above: Sequence[Pair], below: Sequence[Pair]) -> bool:
        """Whether there is room for it between pairs."""
        room = 0.3 * (self.bottom - self.top)
        return max(pair.bottom for pair in above) <= self.top + room and min(pair.top for pair in below) >= self.bottom - room


def extent(whole: Whole, boxes: Sequence[Box], breaks: Sequence[Break]) -> tuple[float, float]:
    """From where to where it goes. `boxes`: by their middles."""
    left, right = min(box.left for box in whole.lefts), max(box.right for box in whole.rights)
    near = [box for box in boxes if box.right > left and box.left < right]
    parting = [each for each in breaks if not any(each.top < box.middle < each.bottom and box not in each.heading for box in near)]
    floor = min((each.middle for each in parting if each.middle > whole.bottom), default=float("inf"))
    ceiling = max((each.middle for each in parting if each.middle < whole.top), default=float("-inf"))
    within = [box for box in near if ceiling < box.middle < floor]
    fold = _is_fold(whole, boxes)
    return -_reached(whole, within[::-1], -1, fold), _reached(whole, within, 1, fold)


def _is_fold(whole: Whole, boxes: Sequence[Box]) -> bool:
    """Whether two pages meet there: two margins wide, it goes down the middle of what is wider than high, most of its height."""
    left, right = min(box.left for box in boxes), max(box.right for box in boxes)
    height = max(box.bottom for box in boxes) - min(box.top for box in boxes)
    middle, reach = (left + right) / 2, 0.04 * (right - left)
    central = whole.channel.left < middle + reach and whole.channel.right > middle - reach
    wide = whole.channel.right - whole.channel.left > FOLD * median(box.height for box in whole.lefts)
    return central and wide and right - left > 1.1 * height and whole.bottom - whole.top > 0.6 * height


def _reached(whole: Whole, boxes: Sequence[Box], way: int, fold: bool) -> float:
    """How far the longer column goes. `way`: 1 downwards, -1 upwards, where all measures are negative."""
    begin = end = whole.bottom if way > 0 else -whole.top
    for side in (whole.lefts, whole.rights) * 2:  # again, since what one column reaches the other one may go on from
        column = _Column.of(side, way)
        crossing = next((box for box in boxes if way * box.middle > begin and column.is_crossed(box, whole.channel)), None)
        inside = [box for box in boxes if column.holds(box) and (crossing is None or way * (crossing.middle - box.middle) > 0)]
        if crossing and inside and column.is_headed(inside, crossing):
            inside.pop()
        end = max([end, *((box.bottom if way > 0 else -box.top) for box in column.continued(inside, end, fold))])
    return end


@dataclass(frozen=True, slots=True)
class _Column:
    left: float
    right: float
    height: float  # of a line
    step: float  # from line to line
    way: int
    start: float

    @classmethod
    def of(cls, side: Sequence[Box], way: int) -> _Column:
        left, right = min(box.left for box in side), max(box.right for box in side)
        return cls(left, right, median(box.height for box in side), pitch(side), way, side[0].middle)

    def holds(self, box: Box) -> bool:
        return box.left > self.left - 2 * self.height and box.right < self.right + 2 * self.height

    def is_crossed(self, box: Box, channel: Channel) -> bool:
        """A line of the column's own type may reach into the next column; what is larger goes over both."""
        return crosses(box, channel.left, channel.right, box.height if box.height < SAME_TYPE * self.height else 0)

    def is_headed(self, boxes: Sequence[Box], crossing: Box) -> bool:
        """Whether the last of its boxes is in larger type, and closer to what stands below both columns than to the column."""
        last = boxes[-1]
        above = last.top - boxes[-2].bottom if len(boxes) > 1 else 0.0
        return self.way > 0 and last.height > LARGE * self.height and crossing.top - last.bottom < above

    def continued(self, boxes: Sequence[Box], end: float, fold: bool) -> Iterator[Box]:
        """The boxes beyond the end that go on with it."""
        at = self.start
        for number, box in enumerate(boxes):
            if self.way * box.middle > end:
                far = abs(box.middle - at) > CONTINUED * self.step
                if far and not fold and not any(self._resumes(boxes[start : start + 3]) for start in range(number, number + CAPTION + 1)):
                    return
                yield box
            at = box.middle

    def _resumes(self, boxes: Sequence[Box]) -> bool:
        """Whether these are running text like the column's, that goes on below a picture."""
        steps = [abs(below.middle - above.middle) for above, below in pairwise(boxes)]
        alike = all(box.height < SAME_TYPE * self.height and self.height < SAME_TYPE * box.height for box in boxes)
        tight = len(steps) == 2 and all(0.5 * self.step < step < 2.3 * self.step for step in steps)
        return alike and tight and median(box.width for box in boxes) > 0.6 * (self.right - self.left)
