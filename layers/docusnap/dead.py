"""Tries again, or puts aside, what ran out of its retries: letter by letter or by filter, in bounded steps."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Protocol

from docusnap import errors
from docusnap.model import DeadFilter
from docusnap.ports import DeadLedger, Waker

log = logging.getLogger(__name__)

AT_ONCE = 100  # letters of one transaction: each may have a thousand pages, and its document is locked meanwhile
MOST = 10_000  # letters of one call
SECONDS = 5.0  # of one call: the shortest of its hosts allows 10


class Letters(Protocol):
    """A walk over dead letters, which goes on where it stopped."""

    @property
    def more(self) -> bool:
        """Whether any may be left."""

    def take(self, at_most: int) -> Sequence[str]: ...


class Named:
    """Letters by their documents' ids; those that are none are passed over."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._left = list(dict.fromkeys(ids))

    @property
    def more(self) -> bool:
        return bool(self._left)

    def take(self, at_most: int) -> Sequence[str]:
        taken, self._left = self._left[:at_most], self._left[at_most:]
        return taken


class Matching:
    """Letters by a filter, newest failure first: one that fails again meanwhile comes at the front, and so not twice."""

    def __init__(self, ledger: DeadLedger, which: DeadFilter) -> None:
        self._ledger, self._which = ledger, which
        self._cursor: str | None = None
        self.more = True

    def take(self, at_most: int) -> Sequence[str]:
        found = self._ledger.dead(self._which, at_most, self._cursor)
        self._cursor, self.more = found.cursor, found.cursor is not None
        return [letter.id for letter in found.items]


class DeadLetters:
    """What an operator does about them. Safe under threads."""

    def __init__(self, *, ledger: DeadLedger, waker: Waker, max_queued: int, fanout: int) -> None:
        self._ledger, self._waker = ledger, waker
        self._max_queued, self._fanout = max_queued, fanout

    def matching(self, which: DeadFilter) -> Letters:
        return Matching(self._ledger, which)

    def redrive(self, letters: Letters) -> int:
        """Queue the next of these again, as many as one call may and MAX_QUEUED leaves room for; says how many there were.

        Raises: TooManyRequests where there is no room.
        """
        room = self._max_queued - self._ledger.queued(self._max_queued)
        if room <= 0:
            raise errors.TooManyRequests
        count = self._walk(letters, self._ledger.redrive, min(room, MOST), "redriven")
        if count:
            self._waker.wake(min(count, self._fanout))
        return count

    def drop(self, letters: Letters) -> int:
        """Take the next of these off the list, as many as one call may; says how many there were."""
        return self._walk(letters, self._ledger.drop, MOST, "dropped")

    def _walk(self, letters: Letters, handle: Callable[[Collection[str]], int], most: int, done: str) -> int:
        count, ends = 0, time.monotonic() + SECONDS
        while letters.more and count < most and time.monotonic() < ends:
            taken = letters.take(min(AT_ONCE, most - count))
            handled = handle(taken)
            log.info("dead letters were %s", done, extra={"count": handled, "documents": taken})  # what was dropped is kept nowhere else
            count += handled
        return count
