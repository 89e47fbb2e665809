"""A client's connection, on a pair of real sockets: nothing of it waits for longer than it may."""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Iterator

import pytest
from docusnap import errors
from docusnap.hosts.connection import PIECE, Connection

MORE_THAN_A_BUFFER = b"x" * 50_000_000
SOON = 0.05  # seconds


@pytest.fixture
def pair() -> Iterator[tuple[Connection, socket.socket]]:
    """The server's end and the client's."""
    accepted, client = socket.socketpair()
    with Connection(accepted) as server, client:
        client.settimeout(30)
        yield server, client


def nothing_came(client: socket.socket) -> bool:
    return not select.select([client], [], [], 0)[0]


def test_what_is_gathered_goes_out_at_once(pair: tuple[Connection, socket.socket]) -> None:
    server, client = pair
    server.gather()
    server.sendall(b"head ")
    server.sendall(b"body")
    assert nothing_came(client)
    server.deliver()
    assert client.recv(100) == b"head body"


def test_a_long_answer_is_not_gathered_and_keeps_its_order(pair: tuple[Connection, socket.socket]) -> None:
    server, client = pair
    server.gather()
    server.sendall(b"head ")
    server.sendall(b"b" * PIECE)
    server.sendall(b" end")
    received = b""
    while len(received) < 5 + PIECE:
        received += client.recv(PIECE)
    assert nothing_came(client)
    server.deliver()
    assert received + client.recv(100) == b"head " + b"b" * PIECE + b" end"


def test_an_answer_that_broke_off_is_not_sent_before_the_next(pair: tuple[Connection, socket.socket]) -> None:
    server, client = pair
    server.gather()
    server.sendall(b"half an")
    server.drop()
    server.sendall(b"refused")
    assert client.recv(100) == b"refused"


def test_a_read_ends_when_its_time_does(pair: tuple[Connection, socket.socket]) -> None:
    server, _client = pair
    server.allow(SOON, late=errors.RequestTimeout)
    with pytest.raises(errors.RequestTimeout):
        server.recv(100)


def test_what_has_come_is_read_though_the_time_has_just_run_out(pair: tuple[Connection, socket.socket]) -> None:
    server, client = pair
    client.sendall(b"in time")
    server.allow(0)
    assert server.recv(100) == b"in time"


def test_nothing_more_is_read_of_a_request_that_was_refused(pair: tuple[Connection, socket.socket]) -> None:
    server, client = pair
    client.sendall(b"more")
    server.abandon()
    with pytest.raises(TimeoutError):
        server.recv(100)


def test_a_read_keeps_to_a_time_out_that_was_set(pair: tuple[Connection, socket.socket]) -> None:
    server, client = pair
    server.settimeout(SOON)
    with pytest.raises(TimeoutError):
        server.recv(100)
    server.setblocking(False)
    with pytest.raises(BlockingIOError):
        server.recv(100)
    server.setblocking(True)
    client.sendall(b"come")
    assert server.recv(100) == b"come"


def test_a_client_who_has_gone_is_the_end_of_what_is_read(pair: tuple[Connection, socket.socket]) -> None:
    server, client = pair
    client.shutdown(socket.SHUT_WR)
    assert server.recv(100) == b""


def test_a_client_who_does_not_read_breaks_the_answer_off(pair: tuple[Connection, socket.socket]) -> None:
    server, _client = pair
    server.settimeout(SOON)
    with pytest.raises(BrokenPipeError):
        server.sendall(MORE_THAN_A_BUFFER)


def test_the_next_request_is_read_where_it_comes_at_once(pair: tuple[Connection, socket.socket]) -> None:
    server, client = pair
    assert server.next() is None
    client.sendall(b"GET")
    assert server.next() == b"GET"
    client.close()
    assert server.next() == b""


def test_of_a_client_that_broke_off_nothing_comes_and_then_the_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
        with Connection(accepted) as server:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            assert server.next() is None
            assert server.recv(1) == b""
