"""Stretches of white with the lines on both sides of it, and what these tell: columns, the rows of a table, or panels.

White runs down through tables, forms and receipts too, and they are read row by row. So columns need evidence: running text
on both sides, or sides whose lines have nothing to do with each other.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby, pairwise
from operator import attrgetter
from statistics import median

from docusnap.ocr.boxes import Box, Interval
from docusnap.ocr.channels import GUTTER, Channel, Pair, channels
from docusnap.ocr.extent import Break
from docusnap.ocr.flow import Side, edge
from docusnap.ocr.tables import boundaries, independent, labelled, unrelated, wrapped

APART = 1.0  # of a line's height: white on both sides of a gutter that begins another stretch,
WIDER = 1.5  # and how much wider it is than between the channel's lines
WIDE = 1.0  # of a line's height: white that is no word gap even where there is little of it
BEYOND = 2.5  # of a line's height: how far above and below a table's pairs its cells may go


@dataclass(frozen=True, slots=True)
class Gutter:
    """White between columns: what stands beside it on its left is read before what stands on its right."""

    left: float
    right: float
    top: float
    bottom: float


@dataclass(frozen=True)
class Stretch:
    """A part of a channel."""

    channel: Channel
    pairs: tuple[Pair, ...]
    is_row: bool = False  # of a table or of panels: then what all of them tell of columns holds for it
    in_text: bool = False  # whether there are columns along the channel, taken as a whole

    @classmethod
    def whole(cls, channel: Channel) -> Stretch:
        return cls(channel, tuple(channel.pairs))

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
        left, right = self._sides
        count = min(len(self.lefts), len(self.rights))
        if self.is_row or (self.in_text and (count < 3 or self._may_flow)):
            return True
        if count < 2 or (count < 3 and not self.is_wide):
            return False
        room = right.left - left.left - GUTTER * left.height
        flow = left.flows(room) and right.flows(-edge(-box.right for box in self.rights) - right.left)
        return flow or unrelated(Side(self.lefts), Side(self.rights)) or independent(left, right)

    @property
    def _may_flow(self) -> bool:
        left, right = self._sides
        return left.may_flow and right.may_flow and bool(left.running or right.running)

    @property
    def is_wide(self) -> bool:
        """Whether the white is too wide for a gap between words."""
        return all(pair.right.left - pair.left.right >= WIDE * pair.height for pair in self.pairs)

    @cached_property
    def outline(self) -> Gutter:
        return Gutter(self.channel.left, self.channel.right, self.top, self.bottom)

    def columns(self, boxes: Sequence[Box], beyond: float = 0.0) -> tuple[Side, Side]:
        """All lines of both columns, those too that have none beside them, and so many heights of a line above and below."""
        left, right = self._sides
        return self._all(left, boxes, beyond), self._all(right, boxes, beyond)

    def _all(self, side: Side, boxes: Iterable[Box], beyond: float) -> Side:
        left, right, more = side.left - side.height, side.right + side.height, beyond * side.height
        within = (box for box in boxes if self.top - more < box.middle < self.bottom + more)
        return Side([box for box in within if left < box.left and box.right < right])

    @cached_property
    def _sides(self) -> tuple[Side, Side]:
        return Side(_nearest(self.lefts)), Side(_nearest(self.rights))


def stretches(boxes: Sequence[Box]) -> tuple[list[Stretch], list[Break], list[Gutter]]:
    """Of all channels; what parts them, between the rows of tables and of panels; and the white within the rows of tables whose cells have
    several lines. `boxes`: by their middles.
    """
    found: list[Stretch] = []
    cells: list[Gutter] = []
    for channel in channels(boxes):
        whole = Stretch.whole(channel)
        if bands := labelled(*whole.columns(boxes, BEYOND)):
            cells += _bands(whole, bands)
            continue
        parts = _told(whole, list(_parted(channel)))
        if not any(part.between_columns for part in parts):
            cells += [band for part in parts for band in _bands(part, _wrapped(part, boxes))]
        found += parts
    return *_in_rows(found, boxes), cells


def _distinct(boxes: Iterable[Box]) -> list[Box]:
    return sorted({box.index: box for box in boxes}.values(), key=attrgetter("middle", "left", "right"))


def _nearest(boxes: Sequence[Box]) -> list[Box]:
    """Those of the nearest column: where it has ended, what stands beyond it is next to the white."""
    left, right = median(box.left for box in boxes), median(box.right for box in boxes)
    return [box for box in boxes if box.left < right and box.right > left] or list(boxes)


def _bands(table: Stretch, bands: Iterable[Interval]) -> list[Gutter]:
    return [replace(table.outline, top=top, bottom=bottom) for top, bottom in bands]


def _wrapped(table: Stretch, boxes: Sequence[Box]) -> list[Interval]:
    """The rows of a table in which a cell has several lines; white that may be a word gap tells of no table."""
    is_table = min(len(table.lefts), len(table.rights)) > 2 and table.is_wide
    return list(wrapped(*table.columns(boxes, BEYOND))) if is_table else []


def _parted(channel: Channel) -> Iterator[Stretch]:
    """A channel parted where the lines on both sides leave white."""
    whites = [(below.top - above.bottom) / below.height for above, below in pairwise(channel.pairs) if below.top > above.bottom]
    apart = max(APART, WIDER * median(whites or [0.0]))
    part: list[Pair] = []
    for pair in channel.pairs:
        if part and pair.top - max(each.bottom for each in part[-4:]) > apart * pair.height:
            yield Stretch(channel, tuple(part))
            part = []
        part.append(pair)
    yield Stretch(channel, tuple(part))


def _told(whole: Stretch, parts: list[Stretch]) -> list[Stretch]:
    """A short part tells little: what the whole channel tells holds for it too, unless it is a table."""
    return [replace(part, in_text=True) for part in parts] if len(parts) > 1 and whole.between_columns else parts


def _in_rows(parts: Iterable[Stretch], boxes: Sequence[Box]) -> tuple[list[Stretch], list[Break]]:
    """The parts, those of a table or of panels parted between its rows; and what parts them."""
    found: list[Stretch] = []
    breaks: list[Break] = []
    for (channel, columns), run in groupby(parts, key=lambda part: (part.channel, part.between_columns)):
        same = list(run)
        whole = Stretch(channel, tuple(pair for part in same for pair in part.pairs))
        whites = boundaries(*whole.columns(boxes)) if columns else []
        breaks += [Break(top, (top + bottom) / 2, bottom, frozenset()) for top, bottom in whites]
        found += _rows(whole, [bottom for _, bottom in whites]) if whites else same
    return found, breaks


def _rows(whole: Stretch, tops: Sequence[float]) -> Iterator[Stretch]:
    """A stretch parted above these tops of its lines."""
    for _, pairs in groupby(whole.pairs, key=lambda pair: bisect_left(tops, pair.left.middle)):
        yield Stretch(whole.channel, tuple(pairs), is_row=True)
