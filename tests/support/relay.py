"""A TCP relay before a server, which a test can take away and bring back: connections are then cut, and new ones refused."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.support.ports import free_port

Connect = Callable[[], socket.socket]
CHUNK = 1 << 16


def to_port(port: int) -> Connect:
    return lambda: socket.create_connection(("127.0.0.1", port), timeout=10)


def to_socket(path: str) -> Connect:
    """A Unix socket, such as PostgreSQL's."""

    def connect() -> socket.socket:
        found = socket.socket(socket.AF_UNIX)
        try:
            found.connect(path)
        except OSError:
            found.close()
            raise
        return found

    return connect


class Relay:
    """Listens on a port of its own; the same one again after `down` and `up`."""

    def __init__(self, connect: Connect, host: str = "127.0.0.1") -> None:
        self._connect, self._host = connect, host
        self.port = free_port()
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    def up(self) -> None:
        """Return when connections are taken."""
        listener = socket.create_server((self._host, self.port), backlog=128)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def down(self) -> None:
        """Return when nobody is connected and nobody can be."""
        listener, self._listener = self._listener, None
        if listener is not None:
            _cut(listener)
        with self._lock:
            for one in self._open:
                _cut(one)
            self._open.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            try:
                far = self._connect()
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            with self._lock:
                self._open |= {near, far}
            if listener is not self._listener:  # it went down meanwhile
                self._drop(near, far)
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                sink.sendall(data)
        self._drop(source, sink)

    def _drop(self, *both: socket.socket) -> None:
        for one in both:
            _cut(one)
        with self._lock:
            self._open -= set(both)


def _cut(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


@contextmanager
def relayed(connect: Connect, host: str = "127.0.0.1") -> Iterator[Relay]:
    """A relay that is up, on this address of the machine's."""
    relay = Relay(connect, host)
    relay.up()
    try:
        yield relay
    finally:
        relay.down()
