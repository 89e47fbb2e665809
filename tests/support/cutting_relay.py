"""A relay before a store that ends an answer early, or holds one in the middle: what the store says of its length is then not true."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.support.relay import CHUNK, Connect, Relay


class CuttingRelay(Relay):
    """`cuts`: how many of the next connections are ended after `after` bytes of answers; `pause`, once set, is called there instead."""

    def __init__(self, connect: Connect, *, after: int) -> None:
        super().__init__(self._connected)
        self._far_end, self._after = connect, after
        self._far: set[int] = set()
        self._counting = threading.Lock()
        self.cuts = 0
        self.pause: Callable[[], None] | None = None

    def _connected(self) -> socket.socket:
        far = self._far_end()
        self._far.add(id(far))
        return far

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        if id(source) not in self._far:
            return super()._pump(source, sink)
        with contextlib.suppress(OSError):
            if self._some(source, sink):
                return super()._pump(source, sink)
        return self._drop(source, sink)

    def _some(self, source: socket.socket, sink: socket.socket) -> bool:
        """Pass on `after` bytes; whether the rest may follow."""
        left = self._after
        while left and (data := source.recv(min(CHUNK, left))):
            sink.sendall(data)
            left -= len(data)
        if not left and self.pause is not None:
            self.pause()
        return bool(left) or not self._cut()

    def _cut(self) -> bool:
        with self._counting:
            cut = self.cuts > 0
            self.cuts -= cut
            return cut


@contextmanager
def cutting(connect: Connect, *, after: int) -> Iterator[CuttingRelay]:
    """A relay that is up."""
    relay = CuttingRelay(connect, after=after)
    relay.up()
    try:
        yield relay
    finally:
        relay.down()
