"""Whose page is recognised next: the tenant's who was served longest ago, as it is with claims.

A worker claims pages ahead, so that they are decoded while the recogniser is busy. They would stand in a queue before a page of somebody
else that was claimed after them, for as long as each of them takes.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from docusnap.errors import EngineBusy, Interrupted
from docusnap.ports import Clock

TURN_SECONDS = 20.0  # who waits longer might outlive the page's lease of 90 s
GLANCE_SECONDS = 0.1  # how often who waits looks whether to stop
REMEMBERED = 100  # tenants; one that is forgotten goes first


@dataclass(eq=False)
class _Waiter:
    tenant: str


class Turns:
    """One page at a time. Safe under threads."""

    def __init__(self, seconds: float = TURN_SECONDS) -> None:
        """`seconds`: how long one may wait for a turn."""
        self._seconds = seconds
        self._changed = threading.Condition()
        self._busy = False
        self._waiting: list[_Waiter] = []  # in order of arrival
        self._served: OrderedDict[str, None] = OrderedDict()  # tenants, the one served longest ago first

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        with self._changed:
            return len(self._waiting)

    @contextmanager
    def of(self, tenant: str, clock: Clock) -> Iterator[None]:
        """The block is this tenant's turn. Raises: EngineBusy, Interrupted."""
        waiter = _Waiter(tenant)
        with self._changed:
            self._waiting.append(waiter)
            try:
                self._wait(waiter, clock)
            finally:
                self._waiting.remove(waiter)
                self._changed.notify_all()
            self._take(tenant)
        try:
            yield
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _wait(self, waiter: _Waiter, clock: Clock) -> None:
        ends = time.monotonic() + self._seconds
        while self._busy or self._next() is not waiter:
            if clock.stopping():
                raise Interrupted
            if time.monotonic() > ends:
                raise EngineBusy
            self._changed.wait(GLANCE_SECONDS)

    def _next(self) -> _Waiter:
        order = {tenant: place for place, tenant in enumerate(self._served, 1)}
        return min(self._waiting, key=lambda waiter: order.get(waiter.tenant, 0))

    def _take(self, tenant: str) -> None:
        self._busy = True
        self._served[tenant] = None
        self._served.move_to_end(tenant)
        if len(self._served) > REMEMBERED:
            self._served.popitem(last=False)
