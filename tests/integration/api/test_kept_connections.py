"""Clients that keep their connection: a thread stays with one that asks again at once, and with nobody for long."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection
from urllib.parse import urlsplit

from tests.support.api import Server

PROBE = b"GET /_/health HTTP/1.1\r\nHost: here\r\n\r\n"
MORE_THAN_THREADS = 48  # the gateway's two processes have 16 each


def _connection(server: Server) -> HTTPConnection:
    return HTTPConnection(urlsplit(server.url).netloc, timeout=60)


def _answered(connection: HTTPConnection, path: str = "/_/health") -> bool:
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    return answer.status == 200 and not answer.will_close


def test_a_client_is_answered_on_one_connection_whether_it_asks_again_at_once_or_later(server: Server) -> None:
    connection = _connection(server)
    for pause in (0, 0, 0, 0.05, 0, 0.2, 0, 0):
        time.sleep(pause)
        assert _answered(connection)
    connection.close()


def test_requests_that_were_sent_together_are_all_answered(server: Server) -> None:
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as client:
        client.sendall(PROBE * 3)
        received = b""
        while received.count(b"HTTP/1.1 200 OK") < 3:
            received += client.recv(1 << 16)


def test_clients_whose_requests_never_end_do_not_keep_the_threads_from_others(server: Server) -> None:
    served = threading.Event()
    with ThreadPoolExecutor(2 * MORE_THAN_THREADS) as pool, ExitStack() as ended:
        ended.callback(served.set)
        for _ in range(MORE_THAN_THREADS):
            client = ended.enter_context(_endless(server))
            pool.submit(_send_until, served, client)
            pool.submit(_read_until, served, client)
        with closing(_connection(server)) as late:
            assert _answered(late)


def _endless(server: Server) -> socket.socket:
    address = urlsplit(server.url)
    client = socket.create_connection((address.hostname, address.port), timeout=1)
    client.sendall(PROBE)
    assert client.recv(1 << 16).startswith(b"HTTP/1.1 200 OK")
    return client


def _send_until(served: threading.Event, client: socket.socket) -> None:
    left = b""
    while not served.is_set():
        with suppress(TimeoutError):
            left = left or PROBE * 100
            left = left[client.send(left) :]


def _read_until(served: threading.Event, client: socket.socket) -> None:
    while not served.is_set():
        with suppress(TimeoutError):
            assert client.recv(1 << 20)


def test_a_client_that_asks_nothing_more_holds_no_thread(server: Server) -> None:
    kept = [_connection(server) for _ in range(MORE_THAN_THREADS)]
    assert all(_answered(connection) for connection in kept)
    late = _connection(server)
    assert _answered(late)
    for connection in [*kept, late]:
        connection.close()
