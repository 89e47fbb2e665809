"""Running text: lines so full that the first word of the next one would not have fitted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from itertools import pairwise
from statistics import median

from docusnap.ocr.boxes import Box, Row, rows

STEP = 1.25  # of the usual distance from line to line: what stands further down begins anew
GAP = 1.5  # of the same: what stands further down tells nothing
LOOSE = 3.2  # distance over a line's height; rows further apart are no running text
TIGHT = 1.9  # distance over a line's height, up to which small letters alone tell of running text, or of an index
FULL = 0.3  # of a line's height: how far apart full lines end
WRAPPED = 0.3  # of a running text's lines, how many go on with a small letter, if its script has them;
MOSTLY = 0.7  # else how many are full,
FILLED = 0.72  # of the room there is up to the next column,
BRIEF = 0.35  # and hold more than a few words: what one of them takes of a line
LONG = 10.0  # width over height, from which full lines that are written without spaces are running text


class Turn(Enum):
    """How a line follows the one above it."""

    STARTS = "starts"  # there was room for it above, or it stands apart
    GOES_ON = "goes on"
    UNKNOWN = "unknown"  # full lines follow each other in tables too, by chance


@dataclass(frozen=True)
class Side:
    """The lines on one side of white, from the top down."""

    boxes: Sequence[Box]

    @cached_property
    def lines(self) -> list[Row]:
        return rows(self.boxes)

    @cached_property
    def height(self) -> float:
        return median([box.height for box in self.boxes] or [0.0])

    @cached_property
    def left(self) -> float:
        return edge(line[0].left for line in self.lines)

    @cached_property
    def right(self) -> float:
        """Where full lines end; one in ten may be drawn too long."""
        rights = sorted(line[-1].right for line in self.lines)
        return rights[round(0.9 * (len(rights) - 1))]

    @cached_property
    def turns(self) -> list[Turn]:
        """One for each line; the first starts."""
        farthest = min(STEP * median(self._steps or [0.0]), LOOSE * self.height)
        pairs = zip(self._steps, pairwise(self.lines), strict=True)
        found = (self._turn(above, below) if step <= farthest else Turn.STARTS for step, (above, below) in pairs)
        return [Turn.STARTS for _ in self.lines[:1]] + list(found)

    @cached_property
    def running(self) -> list[float]:
        """The middles of the lines that go on."""
        return [below[0].middle for _, below in self._going_on()]

    @cached_property
    def pace(self) -> float:
        """How far one line of running text stands below another; 0 where there is none."""
        return median([below[0].middle - above[0].middle for above, below in self._going_on()] or [0.0])

    @cached_property
    def items(self) -> list[list[Row]]:
        """Lines that may belong together: each begins with one that starts."""
        return self._grouped({Turn.STARTS})

    @cached_property
    def texts(self) -> list[list[Row]]:
        """Lines that belong together: all but the first of each go on."""
        return self._grouped({Turn.STARTS, Turn.UNKNOWN})

    @cached_property
    def may_flow(self) -> bool:
        """Whether a third of its lines or more, the first aside, do not begin anew."""
        return len(self.turns) > 1 and self.turns[1:].count(Turn.STARTS) <= len(self.turns[1:]) * 2 / 3

    @cached_property
    def is_text(self) -> bool:
        """Whether they are running text, however narrow."""
        return self.flows(0.0)

    def flows(self, room: float) -> bool:
        """Whether they are running text in so much room."""
        small = sum(line[0].text.continues and " " in line[0].text.text for line in self.lines[1:])
        if len(self.lines) > 2 and small >= WRAPPED * len(self._steps) and median(self._steps) <= TIGHT * self.height:
            return True
        if sum(line[0].text.running for line in self.lines) < len(self.lines) / 2:
            return False
        full, short, wrapped = self._counts()
        if wrapped > 1 and wrapped >= WRAPPED * (full + short):
            return True
        alike = self.right - self.left >= FILLED * room and median(line[0].text.first for line in self.lines) <= BRIEF
        return alike and full > 0 and full >= MOSTLY * (full + short)

    def _counts(self) -> tuple[int, int, int]:
        """Lines that are full, that are not, and that are full and go on with a small letter.

        A line that is not full and ends a sentence may end a paragraph too, and tells nothing.
        """
        close = min(GAP * median(self._steps or [0.0]), LOOSE * self.height)
        full = short = wrapped = 0
        for step, (above, below) in zip(self._steps, pairwise(self.lines), strict=True):
            if step <= close and self._is_full(above, below):
                full += 1
                wrapped += below[0].text.continues
            elif step <= close:
                short += not above[-1].text.ends
        return full, short, wrapped

    @cached_property
    def _steps(self) -> list[float]:
        return [below[0].middle - above[0].middle for above, below in pairwise(self.lines)]

    def _going_on(self) -> Iterator[tuple[Row, Row]]:
        return (pair for turn, pair in zip(self.turns[1:], pairwise(self.lines), strict=True) if turn is Turn.GOES_ON)

    def _grouped(self, beginning: set[Turn]) -> list[list[Row]]:
        found: list[list[Row]] = []
        for line, turn in zip(self.lines, self.turns, strict=True):
            if turn in beginning:
                found.append([])
            found[-1].append(line)
        return found

    def _turn(self, above: Row, below: Row) -> Turn:
        if not self._is_full(above, below):
            return Turn.STARTS
        text, reaches = below[0].text, above[-1].right > self.right - self.height
        if text.first > BRIEF and not reaches:  # of a few words: whatever is above it would have been full
            return Turn.UNKNOWN if text.continues else Turn.STARTS
        long = above[-1].right - above[0].left > LONG * self.height
        return Turn.GOES_ON if text.continues or (text.unspaced and long and not above[-1].text.ends) else Turn.UNKNOWN

    def _is_full(self, above: Row, below: Row) -> bool:
        return above[-1].right + below[0].text.first * below[0].width > self.right - FULL * self.height


def edge(places: Iterable[float]) -> float:
    """Where most lines begin, whatever is out of line: the lower quartile."""
    ordered = sorted(places)
    return ordered[len(ordered) // 4]
