"""python -m benchmarks.ledger.reader: asks for the same paths again and again, and prints how many answers came, and how late.

A process of its own on raw sockets that stay open, one loop over all of them, since it shares the cores with what it measures. It asks
only for answers with a Content-Length, reads them whole, and stops at one that is not 200.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import cycle

WARM = 0.2  # of the time, first, is not counted


class Connection:
    """One client that asks again as soon as it has its answer."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._asked, self._answer = 0.0, b""

    def ask(self, request: bytes) -> None:
        self._asked, self._answer = time.perf_counter(), b""
        self.socket.sendall(request)

    def receive(self) -> float | None:
        """Seconds since it asked, once the answer is whole."""
        self._answer += self.socket.recv(1 << 16)
        head, found, body = self._answer.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return None
        if not head.startswith(b"HTTP/1.1 200 "):
            raise SystemExit(f"not 200: {self._answer[:500]!r}")
        return time.perf_counter() - self._asked


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])


def requests(port: int, key: str, paths: Sequence[str]) -> Iterator[bytes]:
    whole = (f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n\r\n".encode() for path in paths)
    return cycle(list(whole))


def run(port: int, asked: Iterator[bytes], clients: int, seconds: float) -> tuple[float, list[float]]:
    """Answers a second, and how long each took."""
    selector = selectors.DefaultSelector()
    for connection in [Connection(port) for _ in range(clients)]:
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        connection.ask(next(asked))
    began = time.perf_counter()
    counts_from, ends = began + WARM * seconds, began + seconds
    took: list[float] = []
    while (now := time.perf_counter()) < ends:
        for event, _ in selector.select(1.0):
            connection = event.data
            if (one := connection.receive()) is not None:
                connection.ask(next(asked))
                if now >= counts_from:
                    took.append(one)
    return len(took) / (ends - counts_from), took


def main(port: str, clients: str, seconds: str) -> None:
    """The key and the paths come by standard input, a line each: no secret in the list of processes."""
    key, *paths = sys.stdin.read().split()
    rate, took = run(int(port), requests(int(port), key, paths), int(clients), float(seconds))
    print(json.dumps({"rate": rate, "took": took, "cpu": time.process_time()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
