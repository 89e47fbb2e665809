"""The order of rows: downwards, and over a gutter only when all that stands beside it on the left has been read.

A topological sort in Breuel's manner: of all rows that may come next, the highest does. What stands level and has no
gutter between is one row, so tables, forms and receipts are read row by row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import pairwise
from statistics import median

from docusnap.ocr.boxes import Box, Row, rows
from docusnap.ocr.channels import crosses
from docusnap.ocr.gutters import gutters
from docusnap.ocr.stretches import Gutter

LARGE = 1.15  # over the type of a column: what stands at its foot in larger type may be a heading of what follows
BRIEF = 3  # rows of such a heading
Place = frozenset[tuple[int, bool]]  # beside which gutters, and whether on their right


@dataclass(frozen=True, eq=False, slots=True)
class _Node:
    """A row where it stands."""

    row: Row
    place: Place

    @property
    def middle(self) -> float:
        return self.row[0].middle

    @property
    def top(self) -> float:
        return min(box.top for box in self.row)

    @property
    def bottom(self) -> float:
        return max(box.bottom for box in self.row)

    @property
    def height(self) -> float:
        return max(box.height for box in self.row)

    @property
    def extent(self) -> tuple[float, float]:
        return self.row[0].reach[0], max(box.reach[1] for box in self.row)


def order(boxes: Sequence[Box]) -> list[list[Row]]:
    """The regions of a page in reading order, each as its rows."""
    found = gutters(boxes)
    nodes = _nodes(boxes, found)
    before = [*_visible(nodes), *_beside_gutters(nodes)]
    return _regions([nodes[number] for number in _sorted(len(nodes), before)])


def _nodes(boxes: Iterable[Box], found: Sequence[Gutter]) -> list[_Node]:
    """Rows from the top down; boxes that stand level are of one row if they are on the same side of all gutters."""
    places: dict[Place, list[Box]] = defaultdict(list)
    for box in boxes:
        places[_place(box, found)].append(box)
    nodes = [_Node(row, place) for place, group in places.items() for row in rows(group)]
    nodes.sort(key=lambda node: (node.middle, node.row[0].left))
    for number in range(len(found)):
        nodes = _lowered(_tail(number, nodes), nodes)
    return nodes


def _lowered(tail: Sequence[_Node], nodes: Sequence[_Node]) -> list[_Node]:
    """The rows beside no gutter any more, and just before what they are a heading of."""
    if not tail:
        return list(nodes)
    rest = [node for node in nodes if node not in tail]
    at = next(number for number, node in enumerate(rest) if node.middle > tail[-1].bottom and _overlap(node, tail[-1]))
    return [*rest[:at], *(_Node(node.row, frozenset()) for node in tail), *rest[at:]]


def _place(box: Box, found: Sequence[Gutter]) -> Place:
    beside = (
        (number, box.left + box.right > gutter.left + gutter.right)
        for number, gutter in enumerate(found)
        if gutter.top <= box.middle <= gutter.bottom and not crosses(box, gutter.left, gutter.right, box.height)
    )
    return frozenset(beside)


def _tail(gutter: int, nodes: Sequence[_Node]) -> Sequence[_Node]:
    """The rows at the foot of a gutter's left column that are not of it.

    In larger type, set off, and closer to what stands below: they head that, and nothing in the column.
    """
    beside = [node for node in nodes if (gutter, False) in node.place]
    column = [node for node in beside if _overlap(node, beside[-1])]
    usual = median([node.height for node in column] or [0.0])
    gaps = [below.top - above.bottom for above, below in pairwise(column)]
    first = next((number for number in range(len(gaps), 0, -1) if gaps[number - 1] > usual), 0)
    tail = column[first:]
    if not first or len(tail) > BRIEF or median(node.height for node in tail) < LARGE * usual:
        return []
    end = tail[-1].bottom
    below = min((node.top - end for node in nodes if node.middle > end and _overlap(node, tail[-1])), default=float("inf"))
    return tail if below < gaps[first - 1] else []


def _overlap(one: _Node, other: _Node) -> bool:
    return one.extent[0] < other.extent[1] and other.extent[0] < one.extent[1]


def _visible(nodes: Sequence[_Node]) -> Iterator[tuple[int, int]]:
    """For each row those that are seen from it looking up; it comes after them. The skyline is kept as intervals."""
    skyline: list[tuple[float, float, int]] = []
    for number, node in enumerate(nodes):
        left, right = node.extent
        hidden = [part for part in skyline if part[0] < right and part[1] > left]
        rest = [part for part in skyline if not (part[0] < right and part[1] > left)]
        ends = [(begin, left, above) for begin, _, above in hidden if begin < left]
        ends += [(right, end, above) for _, end, above in hidden if end > right]
        skyline = [*rest, *ends, (left, right, number)]
        yield from ((above, number) for above in {part[2] for part in hidden} if not _parted(nodes[above], node))


def _parted(one: _Node, other: _Node) -> bool:
    return any((gutter, not right) in one.place for gutter, right in other.place)


def _beside_gutters(nodes: Sequence[_Node]) -> Iterator[tuple[int, int]]:
    """Each gutter is a step of its own, numbered after the rows: after all on its left, before all on its right."""
    for number, node in enumerate(nodes):
        for gutter, right in node.place:
            yield (len(nodes) + gutter, number) if right else (number, len(nodes) + gutter)


def _sorted(count: int, before: Sequence[tuple[int, int]]) -> list[int]:
    """The numbers below `count`, the lowest first of those that may come; if rules contradict each other, the lowest of all."""
    after: dict[int, set[int]] = defaultdict(set)
    waits: dict[int, int] = defaultdict(int)
    for first, second in set(before):
        after[first].add(second)
        waits[second] += 1
    ready = [number for number in range(count) if not waits[number]]
    heapify(ready)
    done: set[int] = set()
    found: list[int] = []
    stuck = iter(range(count))
    while len(found) < count:
        number = heappop(ready) if ready else next(number for number in stuck if number not in done)
        if number in done:
            continue
        done.add(number)
        found.append(number)
        _release(number, count, after, waits, ready)
    return found


def _release(number: int, count: int, after: dict[int, set[int]], waits: dict[int, int], ready: list[int]) -> None:
    """What waited for a number waits for it no more. A gutter is passed at once."""
    for other in after[number]:
        waits[other] -= 1
        if not waits[other] and other < count:
            heappush(ready, other)
        elif not waits[other]:
            _release(other, count, after, waits, ready)


def _regions(nodes: Iterable[_Node]) -> list[list[Row]]:
    """Rows parted wherever reading moves to another column, or up."""
    regions: list[list[Row]] = []
    last: _Node | None = None
    for node in nodes:
        if last is None or node.place != last.place or node.middle < last.middle:
            regions.append([])
        regions[-1].append(node.row)
        last = node
    return regions
