"""Clients who send half a request, one byte at a time, no HTTP at all, or never read: none of them keeps the others waiting."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.api import Server, serve

HALF = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{"
MANY = 40  # more than one process has threads


@pytest.fixture(scope="module")
def function(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("function"), {"WEB_CONCURRENCY": "1"}, "tests.support.impatient:app") as server:
        yield server


def connect(server: Server, sent: bytes = b"") -> socket.socket:
    client = socket.create_connection(("127.0.0.1", urlsplit(server.url).port), timeout=30)
    client.sendall(sent)
    return client


def answer(client: socket.socket) -> tuple[int, dict[str, str], Any]:
    """Status, headers and JSON of what came until the server closed the connection."""
    received = b""
    while chunk := client.recv(65536):
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    assert len(body) == int(headers["content-length"])
    return int(first.split()[1]), headers, json.loads(body)


def assert_refused(client: socket.socket, status: int, code: str) -> None:
    told, headers, problem = answer(client)
    assert (told, problem["status"], problem["code"]) == (status, status, code)
    assert headers["content-type"] == "application/problem+json"
    assert headers["connection"] == "close"
    assert headers["x-request-id"] == problem["instance"]


def test_many_half_sent_bodies_keep_nobody_waiting_for_ever(function: Server) -> None:
    with ExitStack() as open_ones:
        clients = [open_ones.enter_context(closing(connect(function, HALF))) for _ in range(MANY)]
        assert function.post("/", json={}).status_code == 200
        for client in clients:
            assert_refused(client, 408, "request_timeout")


def test_many_half_sent_heads_keep_nobody_waiting_for_ever(function: Server) -> None:
    with ExitStack() as open_ones:
        clients = [open_ones.enter_context(closing(connect(function, b"POST / HTTP/1.1\r\nHost:"))) for _ in range(MANY)]
        assert function.post("/", json={}).status_code == 200
        for client in clients:
            assert_refused(client, 408, "request_timeout")


@pytest.mark.parametrize("begun", [HALF, b"POST / HTTP/1.1\r\nX-Long: ", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n100\r\n"])
def test_one_byte_at_a_time_buys_no_more_time(function: Server, begun: bytes) -> None:
    with connect(function, begun) as client:
        client.settimeout(0.1)
        for _ in range(100):  # far longer than a whole request may take
            try:
                client.recv(1, socket.MSG_PEEK)
                break
            except TimeoutError:
                client.sendall(b"x")
        client.settimeout(30)
        assert_refused(client, 408, "request_timeout")


def test_a_body_that_is_declared_too_long_is_refused_before_it_is_sent(function: Server) -> None:
    with connect(function, b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n") as client:
        assert_refused(client, 413, "body_too_large")


def test_clients_who_never_read_keep_nobody_waiting_for_ever(function: Server) -> None:
    body = b'{"long": 50000000}'
    asked = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    with ExitStack() as open_ones:
        for _ in range(17):
            open_ones.enter_context(closing(connect(function, asked)))
        assert function.post("/", json={}).status_code == 200


def test_a_long_answer_reaches_a_client_who_reads_it(function: Server) -> None:
    assert len(function.post("/", json={"long": 20_000_000}).json()["text"]) == 20_000_000


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /secret HTTP/9.9\r\n\r\n", 400),
        (b"secret\r\n\r\n", 400),
        (b"GET /secret\r\n\r\n", 400),
        (b"\x16\x03\x01secret\r\n\r\n", 400),
        (b"GET /" + b"secret" * 2000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nX: " + b"secret" * 2000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"X: secret\r\n" * 200 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nsecret header: 1\r\n\r\n", 400),
        (b"POST /secret HTTP/1.1\r\nContent-Length: secret\r\n\r\n", 400),
        (b"POST /secret HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /secret HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST /secret HTTP/1.1\r\nTransfer-Encoding: secret\r\n\r\n", 501),
        (b"POST /secret HTTP/1.1\r\nExpect: secret\r\n\r\n", 417),
        (b"POST /secret HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nsecret\r\n", 400),
        (b"POST /secret HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nsecretsecret\r\n", 400),
    ],
    ids=lambda value: value[:50] if isinstance(value, bytes) else value,
)
def test_what_is_no_http_is_a_problem_document_that_repeats_nothing(function: Server, sent: bytes, status: int) -> None:
    before = len(function.log.read_text())
    with connect(function, sent) as client:
        assert_refused(client, status, "malformed_request")
    assert "secret" not in function.log.read_text()[before:]


def test_a_body_that_breaks_off_is_malformed(function: Server) -> None:
    with connect(function, HALF) as client:
        client.shutdown(socket.SHUT_WR)
        assert_refused(client, 400, "malformed_request")


def test_a_client_who_waits_for_leave_to_send_its_body_is_given_it(function: Server) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    with connect(function, head) as client:
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"{}")
        assert answer(client)[0] == 200


def test_a_connection_serves_one_request_after_another(function: Server) -> None:
    one = b'POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\n{"long": 1}'
    with connect(function) as client:
        for _ in range(3):
            client.sendall(one)
            received = b""
            while not received.endswith(b'{"text": "x"}'):
                received += (more := client.recv(4096))
                assert more
            time.sleep(0.6)  # longer than a head may take: the connection rests in between
        client.sendall(
            b"GET /_/health HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello" + one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        )
        rest = b"".join(iter(lambda: client.recv(4096), b""))
    assert rest.count(b"HTTP/1.1 200 OK") == 2
    assert rest.endswith(b'{"text": "x"}')
