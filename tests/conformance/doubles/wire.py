"""What the doubles of platform parts have in common: they read a request whole, send it on, and watch who goes away meanwhile."""

from __future__ import annotations

import http.client
import select
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit

HOP = frozenset({"connection", "proxy-connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"})
BODYLESS = frozenset({204, 304})

Headers = Sequence[tuple[str, str]]


class HungUp(Exception):
    """The caller closed its connection before it was answered."""


class TooLate(Exception):
    """The upstream did not answer in time."""


class CutOff(Exception):
    """The upstream closed the connection, or refused it, without an answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Headers
    body: bytes


class Server(ThreadingHTTPServer):
    """One thread a connection, as Go has one goroutine; counts what is in flight."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self._quiet, self.in_flight = threading.Condition(), 0

    def __enter__(self) -> Self:
        with self._quiet:
            self.in_flight += 1
        return self

    def __exit__(self, *_: object) -> None:
        with self._quiet:
            self.in_flight -= 1
            self._quiet.notify_all()

    def drained(self, seconds: float) -> bool:
        """Wait until nothing is in flight; returns whether that was so in time."""
        with self._quiet:
            return self._quiet.wait_for(lambda: not self.in_flight, seconds)

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller who went away is no news."""


class Handler(BaseHTTPRequestHandler):
    """Go's net/http as far as it matters here: HTTP/1.1, bodies in either framing, trailers dropped."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        """The function logs its own requests."""

    @property
    def framed(self) -> bool:
        """Whether the request has a body, be it empty."""
        return "Transfer-Encoding" in self.headers or int(self.headers.get("Content-Length") or 0) > 0

    def whole_body(self) -> bytes:
        if "Transfer-Encoding" not in self.headers:
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = bytearray()
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            continue  # trailers
        return bytes(body)

    def end_to_end(self) -> list[tuple[str, str]]:
        """The request's headers without those of the connection and of its framing."""
        return [(name, value) for name, value in self.headers.items() if name.lower() not in HOP | {"content-length"}]

    def reply(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        lengths = [value for name, value in answer.headers if name.lower() == "content-length"]
        for name, value in answer.headers:
            if name.lower() not in HOP | {"content-length"}:
                self.send_header(name, value)
        if answer.status not in BODYLESS:
            self.send_header("Content-Length", lengths[0] if self.command == "HEAD" and lengths else str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def cut(self) -> None:
        """Close the connection instead of answering."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


def plain(status: int, text: str = "", **headers: str) -> Answer:
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Answer(status, [("Content-Type", "text/plain; charset=utf-8"), *named], text.encode())


def send_on(caller: Handler, upstream: str, path: str, headers: Headers, body: bytes, *, seconds: float) -> Answer:
    """The caller's request, sent to the upstream with its body in chunks: neither proxy knows its length, even where the caller said it.

    Raises: HungUp, TooLate, CutOff.
    """
    ends = time.monotonic() + seconds
    link = http.client.HTTPConnection(urlsplit(upstream).hostname or "", urlsplit(upstream).port, timeout=max(seconds, 0.001))
    try:
        link.connect()
        _send(link, caller, path, headers, body)
        _await(link.sock, caller.connection, ends)
        response = link.getresponse()
        return Answer(response.status, response.getheaders(), response.read())
    except TimeoutError as exc:
        raise TooLate from exc
    except (OSError, http.client.HTTPException) as exc:
        raise CutOff from exc
    finally:
        link.close()


def _send(link: http.client.HTTPConnection, caller: Handler, path: str, headers: Headers, body: bytes) -> None:
    link.putrequest(caller.command, path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers:
        link.putheader(name, value)
    pieces = [body[start : start + 32768] for start in range(0, len(body), 32768)]
    try:
        if not caller.framed:
            link.endheaders()
        else:
            link.putheader("Transfer-Encoding", "chunked")
            link.endheaders(iter(pieces), encode_chunked=True)
    except (BrokenPipeError, ConnectionResetError):
        return  # it may have answered before it had all


def _await(upstream: socket.socket, caller: socket.socket, ends: float) -> None:
    watched = [upstream, caller]
    while True:
        readable, _, _ = select.select(watched, [], [], max(0.0, ends - time.monotonic()))
        if not readable:
            raise TooLate
        if upstream in readable:
            return
        if not caller.recv(1, socket.MSG_PEEK):
            raise HungUp
        watched.remove(caller)  # its next request is there already
