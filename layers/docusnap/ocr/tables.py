"""What two sides of white tell of each other: whether they are texts of their own, or the cells of a table's rows."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise

from docusnap.ocr.boxes import LEVEL, Interval, Row, level
from docusnap.ocr.flow import STEP, Side, Turn

SEVERAL = 3  # lines, or beginnings, from which they tell something
UNRELATED = 0.6  # of the lines on one side, or of what begins on either, how much is level with nothing, if the sides are unrelated
ALONE = 0.2  # of the lines on one side, how many have none level with them on the other
CENTRED = 0.75  # of the labels, how many stand in the middle of their cells
BRIEF = 0.6  # lines of such labels to one of the cells
DOUBTFUL = 0.2  # of what begins on either side of a table with long cells, how much may stand beside text that goes on
GREAT = 1.5  # of a line's height: white that parts panels,
WIDER = 1.3  # and how much wider than any other it is


def unrelated(left: Side, right: Side) -> bool:
    """Whether both sides have several lines, and most of the fewer have none of the other side level with them."""
    few, many = sorted((left, right), key=lambda side: len(side.boxes))
    if min(len(few.lines), len(many.lines)) < SEVERAL:
        return False
    middles = [box.middle for box in many.boxes]
    alone = 0
    for box in few.boxes:
        near = many.boxes[bisect_left(middles, box.middle - box.height) : bisect_right(middles, box.middle + box.height)]
        alone += not any(level(box, other) for other in near)
    return alone > UNRELATED * len(few.boxes)


def independent(left: Side, right: Side) -> bool:
    """Whether what begins on one side has nothing to do with where the other side's text begins and goes on."""
    judged = [*_judged(left, right), *_judged(right, left)]
    against = len(judged) - judged.count(True)
    return against >= max(SEVERAL, UNRELATED * len(judged)) and (_alone(left, right) or _alone(right, left))


def _alone(side: Side, other: Side) -> bool:
    """Whether several lines have none level with them on the other side."""
    alone = [line for line in side.lines if not any(level(line[0], each[0]) for each in other.lines)]
    return len(alone) >= max(2, ALONE * len(side.lines))


def _judged(side: Side, other: Side) -> Iterator[bool | None]:
    """Of each item but the first, whether it begins as a row of a table does, level with what begins on the other side.

    False: beside text that goes on there. None: level with nothing. What is level with what may be running text tells nothing.
    """
    if _centred(side, other):
        yield from [True] * (len(side.items) - 1)
        return
    middles = [line[0].middle for line in other.lines]
    for item in side.items[1:]:
        line = item[0][0]
        at = bisect_left(middles, line.middle - LEVEL * line.height)
        if not 0 < at < len(middles):
            continue
        if other.turns[at] is Turn.GOES_ON:
            yield False
        elif not level(line, other.lines[at][0]):
            yield None
        elif other.turns[at] is Turn.STARTS or not other.is_text:
            yield True


def _centred(side: Side, other: Side) -> bool:
    """Whether its items stand in the middle of items on the other side, as labels of long cells may."""
    middles = [_middle(item) for item in other.items]
    beside = sum(any(abs(_middle(item) - middle) <= other.height / 2 for middle in middles) for item in side.items)
    return beside >= CENTRED * max(len(side.items), len(other.items))


def _middle(item: Sequence[Row]) -> float:
    return (item[0][0].middle + item[-1][0].middle) / 2


def labelled(left: Side, right: Side) -> list[Interval]:
    """From where to where the rows of a table go whose cells have several lines, and labels on their left in the middle of them.

    Empty if it is no such table.
    """
    brief = len(left.lines) <= BRIEF * len(right.lines) and right.running
    if not brief or len(right.items) < SEVERAL or not (_centred(left, right) and _centred(right, left)):
        return []
    tops = [item[0][0].top for item in right.items]
    bottoms = [item[-1][0].bottom for item in right.items]
    parted = [(above + below) / 2 for above, below in zip(bottoms, tops[1:], strict=False)]
    return list(pairwise([min(tops[0], left.lines[0][0].top), *parted, max(bottoms[-1], left.lines[-1][0].bottom)]))


def wrapped(left: Side, right: Side) -> Iterator[Interval]:
    """From where to where rows of a table go in which a cell has several lines, and the one on its right begins level with it."""
    for text in left.texts:
        if len(text) > 1:
            top, bottom = text[0][0].top, text[-1][0].bottom
            beside = [each for each in right.texts if any(top < line[0].middle < bottom for line in each)]
            if len(beside) == 1 and level(text[0][0], beside[0][0][0]):
                yield top, max(bottom, beside[0][-1][0].bottom)


def boundaries(left: Side, right: Side) -> list[Interval]:
    """The white, from where to where, between the rows of a table whose cells have several lines, or of panels side by side.

    Both sides begin anew below it, level with each other. Either there are several, and hardly anything begins beside text that goes
    on; or it is wider than all other white.
    """
    shared = _between_text(list(_shared(left, right)), sorted([*left.running, *right.running]))
    if not shared:
        return []
    judged = [*_judged(left, right), *_judged(right, left)]
    if len(shared) > 1 and judged.count(False) <= DOUBTFUL * len(judged):
        return shared
    others = [white for side in (left, right) for white in _whites(side, shared)]
    widest = max([GREAT * min(left.height, right.height), *(WIDER * white for white in others)])
    return [(above, below) for above, below in shared if below - above > widest]


def _shared(left: Side, right: Side) -> Iterator[Interval]:
    """The white above what begins level on both sides, where that is wider than within their texts."""
    boxes = [*left.boxes, *right.boxes]
    begins = [item[0][0] for item in right.items[1:]]
    pace = max(left.pace, right.pace)
    for first in (item[0][0] for item in left.items[1:]):
        beside = next((other for other in begins if level(first, other)), None)
        above = [box for box in boxes if box.middle < first.top]
        if beside and above and first.middle - max(box.middle for box in above) > STEP * pace:
            yield max(box.bottom for box in above), min(first.top, beside.top)


def _between_text(whites: list[Interval], running: Sequence[float]) -> list[Interval]:
    """Without those around what has no running text, as a heading has none: it belongs to what is nearer.

    `running`: the middles of lines that go on.
    """
    while whites:
        counts = [0, *(bisect_left(running, below) for _, below in whites), len(running)]
        bare = next((number for number, (before, after) in enumerate(pairwise(counts)) if before == after), None)
        if bare is None:
            break
        narrow = min(whites[max(0, bare - 1) : bare + 1], key=lambda white: white[1] - white[0])
        whites = [white for white in whites if white is not narrow]
    return whites


def _whites(side: Side, but: Sequence[Interval]) -> Iterator[float]:
    """How wide the white above each line is, but for some."""
    for above, below in pairwise(side.lines):
        if not any(abs(below[0].top - bottom) < side.height for _, bottom in but):
            yield below[0].top - above[0].bottom
