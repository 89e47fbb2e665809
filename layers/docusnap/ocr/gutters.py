"""The white between columns: each stretch of it judged by itself, since a table may stand below two columns and share their gutter."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from operator import attrgetter

from docusnap.ocr.boxes import Box, level, pitch, rows
from docusnap.ocr.channels import Pair
from docusnap.ocr.extent import Break, extent
from docusnap.ocr.flow import Side, Turn
from docusnap.ocr.stretches import Gutter, Stretch, stretches


def gutters(boxes: Iterable[Box]) -> list[Gutter]:
    """The gutters of a page that are evidently between columns, in no order."""
    boxes = sorted(boxes, key=attrgetter("middle", "left", "right"))
    parts, breaks, found = stretches(boxes)
    breaks += _breaks(boxes, parts)
    for whole in _wholes(parts, breaks):
        top, bottom = extent(whole, boxes, breaks)
        found.append(replace(whole.outline, top=top, bottom=bottom))
    return _united(found)


def _breaks(boxes: Sequence[Box], parts: Iterable[Stretch]) -> Iterator[Break]:
    """The headings between columns above and columns below that do not reach over the gutter above."""
    middles = [box.middle for box in boxes]
    columns = sorted((part for part in parts if part.between_columns), key=attrgetter("top"))
    for above in columns:
        below = next((each for each in columns if each.top >= above.bottom and _beside(each, above)), None)
        if below is None or not any(level(pair.left, pair.right) for pair in below.pairs[:2]):
            continue
        between = boxes[bisect_right(middles, above.bottom) : bisect_left(middles, below.top)]
        inside = [box for box in between if _beside(box, above)]
        if found := _heading(inside, above, below):
            yield found


def _beside(part: Box | Stretch, columns: Stretch) -> bool:
    """Whether it stands above or below two columns."""
    left, right = (part.left, part.right) if isinstance(part, Box) else (part.channel.left, part.channel.right)
    return left < max(box.right for box in columns.rights) and right > min(box.left for box in columns.lefts)


def _heading(inside: Sequence[Box], above: Stretch, below: Stretch) -> Break | None:
    """What follows the left column further down than its lines do, leaves the right column empty, and does not go on below."""
    beside = [box.bottom for box in inside if box.reach[0] >= above.channel.left]
    lines = rows([box for box in inside if box.reach[0] < above.channel.left])
    step, last = pitch(above.lefts), above.lefts[-1]
    for number, line in enumerate(lines):
        top = max([last.bottom, *beside])
        apart = line[0].middle - last.middle > 1.5 * step and line[0].top - top > 0.5 * line[0].height
        if apart and len(lines) - number <= 3:
            heading = [box for each in lines[number:] for box in each]
            if Side([*heading, *below.lefts]).turns[len(lines) - number] is Turn.GOES_ON:
                return None
            return Break(top, min(box.middle for box in heading), max(box.bottom for box in line), frozenset(heading))
        last = line[0]
    return None


def _wholes(found: Iterable[Stretch], breaks: Sequence[Break]) -> Iterator[Stretch]:
    """Stretches between columns, those of one channel joined unless a break or a table parts them."""
    for channel, parts in groupby(found, key=attrgetter("channel")):
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
