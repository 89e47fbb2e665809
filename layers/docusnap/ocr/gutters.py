"""The white between columns: believed only where both sides are evidently texts of their own.

White runs down through tables, forms and receipts too, and they are read row by row. So a gutter needs evidence:
running text on both sides of it, or lines that do not stand level. Each stretch of white is judged by itself, since a
table may stand below two columns and share their gutter.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby, pairwise
from operator import attrgetter
from statistics import median

from docusnap.ocr.boxes import Box, level, pitch, rows
from docusnap.ocr.channels import GUTTER, Channel, Pair, channels
from docusnap.ocr.extent import Break, extent

APART = 1.0  # of a line's height: white on both sides of a gutter that begins another stretch
WIDE = 1.0  # of a line's height: white that is no word gap even where there is little of it
FILLED = 0.72  # how much of its column a line of running text covers, in the median
LONG = 4.0  # width over height of a line of running text, in the median
TIGHT = 1.9  # distance from line to line over a line's height; rows of forms stand further apart
WRAPPED = 0.3  # of a running text's lines, how many begin with a small letter, if its script has them
UNRELATED = 0.6  # of the lines on one side, how many have none level with them on the other, if the sides are unrelated


@dataclass(frozen=True, slots=True)
class Gutter:
    """White between columns: what stands beside it on its left is read before what stands on its right."""

    left: float
    right: float
    top: float
    bottom: float


@dataclass(frozen=True)
class Stretch:
    """A part of a channel whose lines follow closely on at least one side."""

    channel: Channel
    pairs: tuple[Pair, ...]

    @cached_property
    def lefts(self) -> list[Box]:
        return _distinct(pair.left for pair in self.pairs)

    @cached_property
    def rights(self) -> list[Box]:
        return _distinct(pair.right for pair in self.pairs)

    @cached_property
    def top(self) -> float:
        return min(pair.top for pair in self.pairs)

    @cached_property
    def bottom(self) -> float:
        return max(pair.bottom for pair in self.pairs)

    @cached_property
    def between_columns(self) -> bool:
        """Whether this is evidence of columns. Two lines are enough only if the white is too wide for a word gap."""
        count = min(len(self.lefts), len(self.rights))
        if count < 3 and (count < 2 or any(pair.right.left - pair.left.right < WIDE * pair.height for pair in self.pairs)):
            return False
        end = _edge(box.left for box in self.rights)
        room = end - _edge(box.left for box in self.lefts) - GUTTER * median(box.height for box in self.lefts)
        right = -_edge(-box.right for box in self.rights) - end
        return (_flows(self.lefts, room) and _flows(self.rights, right)) or _unrelated(self.lefts, self.rights)

    @cached_property
    def outline(self) -> Gutter:
        return Gutter(self.channel.left, self.channel.right, self.top, self.bottom)


def gutters(boxes: Iterable[Box]) -> list[Gutter]:
    """The gutters of a page that are evidently between columns, in no order."""
    boxes = sorted(boxes, key=attrgetter("middle"))
    stretches = [stretch for channel in channels(boxes) for stretch in _stretches(channel)]
    breaks = list(_breaks(boxes, stretches))
    found = []
    for whole in _wholes(stretches, breaks):
        top, bottom = extent(whole, boxes, breaks)
        found.append(replace(whole.outline, top=top, bottom=bottom))
    return _united(found)


def _distinct(boxes: Iterable[Box]) -> list[Box]:
    return sorted({box.index: box for box in boxes}.values(), key=attrgetter("middle"))


def _stretches(channel: Channel) -> Iterator[Stretch]:
    """A channel parted where the lines on both sides leave white."""
    part: list[Pair] = []
    for pair in channel.pairs:
        if part and pair.top - max(each.bottom for each in part[-4:]) > APART * pair.height:
            yield Stretch(channel, tuple(part))
            part = []
        part.append(pair)
    yield Stretch(channel, tuple(part))


def _edge(places: Iterable[float]) -> float:
    """Where most lines begin, whatever is out of line: the lower quartile."""
    ordered = sorted(places)
    return ordered[len(ordered) // 4]


def _flows(boxes: Sequence[Box], room: float) -> bool:
    """Whether they are running text: lines that follow closely, and fill their room or go on from one to the next."""
    lines, height = rows(boxes), median(box.height for box in boxes)
    if len(lines) < 2 or median(below[0].middle - above[0].middle for above, below in pairwise(lines)) > TIGHT * height:
        return False
    lengths = [sum(box.width for box in line) for line in lines]
    length = median(lengths) if len(lines) > 2 else max(lengths)  # the second of two lines may end early
    wrapped = sum(line[0].continues for line in lines[1:])
    return length >= max(FILLED * room, LONG * height) or (len(lines) > 2 and wrapped >= WRAPPED * (len(lines) - 1))


def _unrelated(left: Sequence[Box], right: Sequence[Box]) -> bool:
    """Whether both sides have several lines, and most of the fewer have none of the other side level with them."""
    few, many = sorted((left, right), key=len)
    if min(len(rows(few)), len(rows(many))) < 3:
        return False
    middles = [box.middle for box in many]
    alone = 0
    for box in few:
        near = many[bisect_left(middles, box.middle - box.height) : bisect_right(middles, box.middle + box.height)]
        alone += not any(level(box, other) for other in near)
    return alone > UNRELATED * len(few)


def _breaks(boxes: Sequence[Box], stretches: Iterable[Stretch]) -> Iterator[Break]:
    """The headings between columns above and columns below that do not reach over the gutter above."""
    middles = [box.middle for box in boxes]
    columns = sorted((stretch for stretch in stretches if stretch.between_columns), key=attrgetter("top"))
    for above in columns:
        below = next((each for each in columns if each.top >= above.bottom and _beside(each, above)), None)
        if below is None or not any(level(pair.left, pair.right) for pair in below.pairs[:2]):
            continue
        between = boxes[bisect_right(middles, above.bottom) : bisect_left(middles, below.top)]
        inside = [box for box in between if _beside(box, above)]
        if found := _heading(inside, above):
            yield found


def _beside(part: Box | Stretch, columns: Stretch) -> bool:
    """Whether it stands above or below two columns."""
    left, right = (part.left, part.right) if isinstance(part, Box) else (part.channel.left, part.channel.right)
    return left < max(box.right for box in columns.rights) and right > min(box.left for box in columns.lefts)


def _heading(inside: Sequence[Box], above: Stretch) -> Break | None:
    """What follows the left column further down than its lines do, and leaves the right column empty."""
    if not inside or any(box.left >= above.channel.right for box in inside):
        return None
    lines = rows(inside)
    step, last = pitch(above.lefts), above.lefts[-1]
    for number, line in enumerate(lines):
        if line[0].middle - last.middle > 1.5 * step and line[0].top - last.bottom > 0.5 * line[0].height and len(lines) - number <= 3:
            heading = [box for each in lines[number:] for box in each]
            return Break(last.bottom, min(box.middle for box in heading), max(box.bottom for box in line), frozenset(heading))
        last = line[0]
    return None


def _wholes(stretches: Iterable[Stretch], breaks: Sequence[Break]) -> Iterator[Stretch]:
    """Stretches between columns, those of one channel joined unless a break or a table parts them."""
    for channel, parts in groupby(stretches, key=attrgetter("channel")):
        pairs: list[Pair] = []
        doubtful: list[Pair] = []
        for part in parts:
            if pairs and (any(each.parts(pairs, part.pairs) for each in breaks) or len({pair.left for pair in doubtful}) > 2):
                yield Stretch(channel, tuple(pairs))
                pairs = []
            if part.between_columns:
                pairs += [*doubtful, *part.pairs] if pairs else part.pairs
            doubtful = [] if part.between_columns or not pairs else [*doubtful, *part.pairs]
        if pairs:
            yield Stretch(channel, tuple(pairs))


def _united(found: Iterable[Gutter]) -> list[Gutter]:
    """Gutters without those that are the same white found twice."""
    united: list[Gutter] = []
    for gutter in sorted(found, key=attrgetter("top")):
        same = [n for n, o in enumerate(united) if gutter.top < o.bottom and min(gutter.right, o.right) > max(gutter.left, o.left)]
        if same:
            other = united[same[0]]
            left, right = max(gutter.left, other.left), min(gutter.right, other.right)
            united[same[0]] = Gutter(left, right, other.top, max(other.bottom, gutter.bottom))
        else:
            united.append(gutter)
    return united
