"""White that runs down a page between boxes, found from line to line."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from docusnap.ocr.boxes import Box

GUTTER = 0.4  # of a line's height: the least white space between columns, once the boxes' growth is taken off
BESIDE = 0.9  # of a line's height: how far the middles of two lines beside each other may be apart


@dataclass(frozen=True, slots=True)
class Pair:
    """Two boxes beside each other with nothing but white between them."""

    left: Box
    right: Box

    @property
    def top(self) -> float:
        return min(self.left.top, self.right.top)

    @property
    def bottom(self) -> float:
        return max(self.left.bottom, self.right.bottom)

    @property
    def white(self) -> tuple[float, float]:
        return self.left.reach[1], self.right.reach[0]

    @property
    def height(self) -> float:
        """Of the smaller type."""
        return min(self.left.height, self.right.height)


@dataclass(eq=False, slots=True)
class Channel:
    """White that is common to its pairs, which come from the top down."""

    left: float
    right: float
    pairs: list[Pair] = field(default_factory=list)


def channels(boxes: Sequence[Box]) -> list[Channel]:
    """All there are, between columns, cells and words alike. `boxes`: by their middles."""
    done: list[Channel] = []
    running: list[Channel] = []
    for box, pairs in zip(boxes, _pairs(boxes), strict=True):
        still: list[Channel] = []
        for channel in running:
            (done if _closes(box, channel) else still).append(channel)
        running = still
        for pair in pairs:
            _take(pair, running)
    return done + running


def crosses(box: Box, left: float, right: float, slack: float = 0) -> bool:
    """Whether a box begins on one side of some white and ends on the other, by more than so much."""
    begins, ends = box.reach
    return begins < left - slack and ends > right + slack


def _closes(box: Box, channel: Channel) -> bool:
    """Whether a box stands in the white or across it; one that merely reaches into it was drawn too long."""
    left, right = box.reach
    return crosses(box, channel.left, channel.right) or (left > channel.left and right < channel.right)


def _take(pair: Pair, running: list[Channel]) -> None:
    """Add a pair to the channel with which it shares most white; without one, it begins a channel."""
    left, right = pair.white
    shared = [(min(right, channel.right) - max(left, channel.left), number) for number, channel in enumerate(running)]
    width, number = max(shared, default=(0.0, 0))
    if width < GUTTER * pair.height:
        running.append(Channel(left, right, [pair]))
        return
    channel = running[number]
    channel.left, channel.right = max(left, channel.left), min(right, channel.right)
    channel.pairs.append(pair)


def _pairs(boxes: Sequence[Box]) -> list[list[Pair]]:
    """Each box with the next one on its right and the next one on its left, where there is enough white between."""
    middles = [box.middle for box in boxes]
    found = []
    for box in boxes:
        reach = BESIDE * box.height
        near = boxes[bisect_left(middles, box.middle - reach) : bisect_right(middles, box.middle + reach)]
        beside = [other for other in near if abs(box.middle - other.middle) <= BESIDE * other.height]
        after = _next(box, [other for other in beside if other.left > box.left and other.right > box.right], attrgetter("left"))
        before = _next(box, [other for other in beside if other.left < box.left and other.right < box.right], lambda other: -other.right)
        pairs = [Pair(box, other) for other in after] + [Pair(other, box) for other in before]
        found.append([pair for pair in pairs if pair.white[1] - pair.white[0] >= GUTTER * box.height and pair.height > 0])
    return found


def _next(box: Box, others: Sequence[Box], distance: Callable[[Box], float]) -> list[Box]:
    """The nearest, if any; of several about as near, the one that stands most level."""
    if not others:
        return []
    least = min(map(distance, others))
    near = [other for other in others if distance(other) <= least + box.height]
    return [min(near, key=lambda other: abs(other.middle - box.middle))]
