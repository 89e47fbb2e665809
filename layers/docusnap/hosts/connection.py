"""One client's connection, which may hold a thread for a bounded time only, however slowly it sends or reads."""

from __future__ import annotations

import errno
import math
import select
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress

HEAD_SECONDS = 10.0  # for the request line and all headers
BODY_SECONDS = 10.0
DRAIN_SECONDS = 5.0  # for a body that nobody read, before the next request
LINGER_SECONDS = 2.0  # for a client that is still sending while it is refused
SEND_SECONDS = 30.0  # for the client to take the next PIECE of an answer
STARVED_SECONDS = 2.0  # how late a thread may look at what the client had sent in time
STAY_SECONDS = 0.002  # how long a thread waits for a client's next request, before the connection goes back to the main thread
PIECE = 1 << 16  # bytes
DONTWAIT = int(socket.MSG_DONTWAIT)  # a plain number: to join two of the enumeration takes as long as the call
LINGER_BYTES = 64_000_000


class Connection(socket.socket):
    """A socket whose reads all end at one moment, and whose writes must go on.

    A time-out of the system's begins anew with every byte: a client who sends one now and then would never meet it. Time-outs are kept
    here, and the descriptor stays as it is: gunicorn changes them ten times a request, and each call of the system costs Python's lock.
    """

    def __init__(self, accepted: socket.socket) -> None:
        """Takes the descriptor over; `accepted` is of no more use."""
        super().__init__(accepted.family, accepted.type, accepted.proto, accepted.detach())
        super().setblocking(True)  # the descriptor may come as gunicorn's loop had it
        # For `next` alone: all else says that it does not wait.
        self.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", 0, int(STAY_SECONDS * 1e6)))
        self._timeout: float | None = None  # as was set
        self._ends: float | None = None  # time.monotonic()
        self._late: type[Exception] = TimeoutError
        self._force_close: Callable[[], object] = lambda: None
        self._held: bytearray | None = None  # what is to be sent, while an answer is gathered

    def settimeout(self, value: float | None, /) -> None:
        """For `recv` and `sendall`."""
        self._timeout = value

    def gettimeout(self) -> float | None:
        return self._timeout

    def setblocking(self, flag: bool, /) -> None:
        self._timeout = None if flag else 0.0

    def allow(self, seconds: float | None, late: type[Exception] = TimeoutError) -> None:
        """From now on reads have so many seconds together, then raise `late`; None: for ever."""
        self._ends = None if seconds is None else time.monotonic() + seconds
        self._late = late

    def serve(self, force_close: Callable[[], object]) -> None:
        """A request's head is there; `force_close` has the answer say that the connection ends with it."""
        self.allow(None)
        self._force_close = force_close

    def abandon(self) -> None:
        """The request is refused: no more of it is read, and the connection ends with the answer."""
        self._ends = -math.inf
        self._force_close()

    def gather(self) -> None:
        """Keep what is sent from now on until `deliver`: gunicorn sends an answer's head and body one by one."""
        self._held = bytearray()

    def deliver(self) -> None:
        """Send what was kept, all at once. Raises: BrokenPipeError where the client does not take it."""
        held, self._held = self._held, None
        if held:
            self.sendall(held)

    def drop(self) -> None:
        """Forget what was kept: the answer broke off."""
        self._held = None

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        left = math.inf if self._ends is None else self._ends - time.monotonic()
        if left <= -STARVED_SECONDS:
            raise self._late
        # With no time left what has come by now is still taken: on a busy machine it is this thread that is late, not the client.
        while (received := self._received(bufsize, flags)) is None:
            if self._timeout == 0:  # whoever set it so expects it
                raise BlockingIOError(errno.EAGAIN, "nothing has come")
            if not self._ready(select.POLLIN, left if self._timeout is None else min(left, self._timeout)):
                raise TimeoutError if self._ends is None else self._late
        return received

    def next(self) -> bytes | None:
        """What the client sends next, nothing where it has closed, None where it does neither for a moment.

        One call of the system, where to look first would be two: each costs Python's lock.
        """
        try:
            return super().recv(PIECE)
        except OSError:  # nothing came, or the connection broke, and whoever reads on finds it ended
            return None

    def _received(self, bufsize: int, flags: int) -> bytes | None:
        try:
            return super().recv(bufsize, flags | DONTWAIT)
        except BlockingIOError:
            return None

    def sendall(self, data: bytes | bytearray | memoryview, flags: int = 0, /) -> None:  # type: ignore[override]
        """Raises: BrokenPipeError where the client does not take it."""
        if self._held is None:
            self._send(data, flags)
        elif len(self._held) + len(data) <= PIECE:
            self._held += data
        else:
            before, self._held = self._held, bytearray()
            self._send(before, flags)
            self._send(data, flags)

    def _send(self, data: bytes | bytearray | memoryview, flags: int) -> None:
        view = memoryview(data)
        for start in range(0, len(view), PIECE):
            self._send_piece(view[start : start + PIECE], flags)

    def _send_piece(self, view: memoryview, flags: int) -> None:
        ends = time.monotonic() + (SEND_SECONDS if self._timeout is None else self._timeout)
        while view:
            try:
                view = view[self.send(view, flags | DONTWAIT) :]
            except BlockingIOError as exc:
                if not self._ready(select.POLLOUT, ends - time.monotonic()):
                    raise BrokenPipeError(errno.EPIPE, "the client does not read") from exc

    def _ready(self, event: int, seconds: float) -> bool:
        waiting = select.poll()
        waiting.register(self, event)
        return bool(waiting.poll(None if seconds == math.inf else max(0.0, seconds) * 1000))

    def linger(self) -> None:
        """Say that nothing more comes, and drop what the client still sends, without which it would not see the answer.

        After this nobody who closes the connection waits for the client.
        """
        self.allow(LINGER_SECONDS)
        with suppress(OSError):
            self.shutdown(socket.SHUT_WR)
            left = LINGER_BYTES
            while left > 0 and (dropped := self.recv(PIECE)):
                left -= len(dropped)
        with suppress(OSError):
            self.shutdown(socket.SHUT_RD)
