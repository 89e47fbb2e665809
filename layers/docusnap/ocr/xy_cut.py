"""The order of boxes: a recursive cut into columns and bands, made only where running text stands on both sides.

Cutting wherever there is white space would read a form or a receipt column by column; sorting by height alone, as
most engines do, interleaves columns. So a vertical cut needs evidence: lines that fill both sides, or sides whose lines
do not stand level. Everything else is read row by row.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from statistics import median

GROWN = 0.35  # of a line's height: by so much detectors grow a box at each end, and more where a scan is noisy
GUTTER = 0.4  # of a line's height: the least white space between columns, once the boxes' growth is taken off
FILLED = 0.72  # how much of its column a line of running text covers, in the median
LONG = 4.0  # width over height of a line of running text, in the median
TIGHT = 1.9  # distance from line to line over a line's height; rows of forms stand further apart
LEVEL = 0.35  # of a line's height: two lines whose middles are no further apart stand on one row


@dataclass(frozen=True, slots=True)
class Box:
    """A line's place in the frame in which text runs to the right and lines follow downwards."""

    left: float
    top: float
    right: float
    bottom: float
    index: int  # of the line it stands for

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2

    @property
    def reach(self) -> Interval:
        """From where to where it extends, less what the detector added."""
        grown = min(GROWN * self.height, self.width / 2)
        return self.left + grown, self.right - grown


Row = list[Box]  # boxes that stand level, from left to right
Interval = tuple[float, float]


def order(boxes: Sequence[Box]) -> list[list[Row]]:
    """The regions of a page in reading order, each as its rows."""
    if not boxes:
        return []
    bands = _bands(boxes)
    if (run := _first_run(bands)) is None:
        return [rows(boxes)]
    columns = _columns(_joined(bands[run.start : run.stop]))
    parts = [_joined(bands[: run.start]), *columns, _joined(bands[run.stop :])]
    return [region for part in parts for region in order(part)]


def rows(boxes: Sequence[Box]) -> list[Row]:
    """Boxes that stand level become one row; rows from the top down."""
    found: list[Row] = []
    for box in sorted(boxes, key=lambda box: box.middle):
        if found and _level(found[-1][-1], box):
            found[-1].append(box)
        else:
            found.append([box])
    return [sorted(row, key=lambda box: box.left) for row in found]


def _level(one: Box, other: Box) -> bool:
    return abs(one.middle - other.middle) <= LEVEL * min(one.height, other.height)


def _columns(boxes: Sequence[Box]) -> list[list[Box]]:
    """The boxes cut at every gutter that has running text, or unrelated blocks, on both sides."""
    strips = _strips(boxes)
    columns = strips[:1]
    for left, right in pairwise(strips):
        if (_is_running_text(left) and _is_running_text(right)) or _are_unrelated(left, right):
            columns.append(right)
        else:
            columns[-1] = columns[-1] + right
    return columns


def _strips(boxes: Sequence[Box]) -> list[list[Box]]:
    """The boxes parted wherever white space runs through from top to bottom."""
    least = GUTTER * median(box.height for box in boxes)
    strips: list[list[Box]] = []
    end = float("-inf")
    for box in sorted(boxes, key=lambda box: box.reach):
        left, right = box.reach
        if left - end >= least:
            strips.append([])
        strips[-1].append(box)
        end = max(end, right)
    return strips


def _is_running_text(boxes: Sequence[Box]) -> bool:
    lines = rows(boxes)
    if len(lines) < 2:
        return False
    height = median(box.height for box in boxes)
    width = max(box.right for box in boxes) - min(box.left for box in boxes)
    lengths = [sum(box.width for box in line) for line in lines]
    steps = [_step(above, below) for above, below in pairwise(lines)]
    return median(lengths) >= max(FILLED * width, LONG * height) and median(steps) <= TIGHT * height


def _are_unrelated(left: Sequence[Box], right: Sequence[Box]) -> bool:
    """Side by side both have several lines, and most of the fewer have none of the other side level with them."""
    top = max(min(box.top for box in side) for side in (left, right))
    bottom = min(max(box.bottom for box in side) for side in (left, right))
    beside = [sorted((box for box in side if top < box.middle < bottom), key=attrgetter("middle")) for side in (left, right)]
    few, many = sorted(beside, key=len)
    if min(len(rows(few)), len(rows(many))) < 2:
        return False
    alone = sum(not _has_level(box, many) for box in few)
    return alone > 0.6 * len(few)


def _has_level(box: Box, others: Sequence[Box]) -> bool:
    """Whether one of the others, which come by their middles, stands level with a box."""
    reach = LEVEL * box.height
    first = bisect_left(others, box.middle - reach, key=attrgetter("middle"))
    last = bisect_right(others, box.middle + reach, key=attrgetter("middle"))
    return any(_level(box, other) for other in others[first:last])


def _bands(boxes: Sequence[Box]) -> list[list[Box]]:
    """The boxes parted wherever white space runs through from left to right; the outer fifths of a line count as white."""
    bands: list[list[Box]] = []
    reach = float("-inf")
    for box in sorted(boxes, key=lambda box: box.top + box.height / 5):
        if box.top + box.height / 5 >= reach:
            bands.append([])
        bands[-1].append(box)
        reach = max(reach, box.bottom - box.height / 5)
    return bands


def _joined(bands: Sequence[Sequence[Box]]) -> list[Box]:
    return [box for band in bands for box in band]


def _first_run(bands: Sequence[list[Box]]) -> range | None:
    """The first run of neighbouring bands that stand in columns together; None where there is none."""
    boxes = _joined(bands)
    least = GUTTER * median(box.height for box in boxes)
    extent = (min(box.reach[0] for box in boxes), max(box.reach[1] for box in boxes))
    for start in range(len(bands)):
        stop = _shared_until(bands, start, least, extent)
        if stop is None or len(_columns(_joined(bands[start:stop]))) < 2:
            continue
        run = _trimmed(bands, start, stop)
        if len(_columns(_joined(bands[run.start : run.stop]))) > 1:
            return run
    return None


def _shared_until(bands: Sequence[list[Box]], start: int, least: float, extent: Interval) -> int | None:
    """The end of the longest run from `start` through which some gutter goes."""
    covered: list[Interval] = []
    longest = None
    for stop in range(start, len(bands)):
        covered = _covered(covered, bands[stop], least)
        if covered == [extent]:
            break
        if len(covered) > 1:
            longest = stop + 1
    return longest


def _covered(intervals: list[Interval], band: Sequence[Box], least: float) -> list[Interval]:
    merged: list[Interval] = []
    for left, right in sorted([*intervals, *(box.reach for box in band)]):
        if merged and left - merged[-1][1] < least:
            merged[-1] = (merged[-1][0], max(merged[-1][1], right))
        else:
            merged.append((left, right))
    return merged


def _trimmed(bands: Sequence[list[Box]], start: int, stop: int) -> range:
    """The run without what merely does not reach its gutter: a heading or a page number above, the next heading below."""
    columns = _columns(_joined(bands[start:stop]))
    first_ends = max(box.right for box in columns[0])
    last_begins = min(box.left for box in columns[-1])
    while start + 1 < stop and all(box.left > first_ends for box in bands[start]) and _gap(bands, start + 1) > _height(bands[start]):
        start += 1
    while stop - 1 > start and all(box.right < last_begins for box in bands[stop - 1]) and _belongs_below(bands, stop - 1):
        stop -= 1
    return range(start, stop)


def _belongs_below(bands: Sequence[list[Box]], index: int) -> bool:
    above = _gap(bands, index)
    below = _gap(bands, index + 1) if index + 1 < len(bands) else float("inf")
    height = _height(bands[index])
    return above > 2.5 * height or (above > 0.3 * height and below < above)


def _gap(bands: Sequence[list[Box]], index: int) -> float:
    """White space between the band of that index and the one before it."""
    return min(box.top for box in bands[index]) - max(box.bottom for box in bands[index - 1])


def _height(band: Sequence[Box]) -> float:
    return max(box.height for box in band)


def paragraphs(region: Sequence[Row]) -> Iterator[list[Row]]:
    """The rows of a region parted where they step further down than they usually do, and where the size of type changes."""
    steps = [_step(above, below) for above, below in pairwise(region)]
    height = median(box.height for row in region for box in row)
    widest = max(1.35 * median(steps), 1.3 * height) if len(steps) > 2 else 1.8 * height
    paragraph = list(region[:1])
    for step, (above, below) in zip(steps, pairwise(region), strict=True):
        if step > widest or _resized(above, below):
            yield paragraph
            paragraph = []
        paragraph.append(below)
    yield paragraph


def _step(above: Row, below: Row) -> float:
    return below[0].middle - above[0].middle


def _resized(above: Row, below: Row) -> bool:
    small, large = sorted((_height(above), _height(below)))
    return large > 1.4 * small
