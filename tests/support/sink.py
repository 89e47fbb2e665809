"""A webhook that takes every notification, understands it as intake does, and remembers it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from docusnap import notification
from docusnap.model import ObjectCreated


@dataclass(frozen=True, slots=True)
class Received:
    """One notification."""

    path: str
    authorization: str | None
    created: tuple[ObjectCreated, ...]


@dataclass(slots=True)
class Sink:
    url: str
    received: list[Received] = field(default_factory=list)
    _arrived: threading.Condition = field(default_factory=threading.Condition)

    @property
    def keys(self) -> set[str]:
        return {one.key for received in self.received for one in received.created}

    def take(self, received: Received) -> None:
        with self._arrived:
            self.received.append(received)
            self._arrived.notify_all()

    def await_keys(self, *keys: str, seconds: float = 30) -> list[Received]:
        """Every notification so far, once all of these keys were named."""
        deadline = time.monotonic() + seconds
        with self._arrived:
            while not set(keys) <= self.keys:
                if not self._arrived.wait(deadline - time.monotonic()):
                    raise AssertionError(f"of {keys} only {self.keys} came within {seconds} s")
            return list(self.received)


@contextmanager
def running_sink() -> Iterator[Sink]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    sink = Sink(f"http://127.0.0.1:{server.server_address[1]}/events/s3")
    server.sink = sink  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield sink
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:  # a probe
        self._answer()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        created = tuple(notification.parse(body)) if body else ()  # the JuiceFS gateway probes with an empty one
        self.server.sink.take(Received(self.path, self.headers.get("Authorization"), created))  # type: ignore[attr-defined]
        self._answer()

    def _answer(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        pass
