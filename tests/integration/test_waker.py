"""Wakes, sent to a real server."""

from __future__ import annotations

import logging
import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from docusnap.adapters import waker
from docusnap.adapters.waker import HttpWaker

from tests.support.store import free_port

PATIENCE = 20.0  # seconds until a test gives up


class Sleeper(ThreadingHTTPServer):
    """An `ocr` that answers when it is allowed to, and counts who is with it."""

    daemon_threads = True

    def __init__(self, status: int = 200, body: bytes = b"") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.body, self.may_answer = status, body, threading.Event()
        self.changed = threading.Condition()
        self.bodies: list[bytes] = []
        self.answered = self.hung_up = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/ocr"

    def has_seen(self, calls: int) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: len(self.bodies) >= calls, PATIENCE)

    def has_answered(self, calls: int) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: self.answered >= calls, PATIENCE)


class _Handler(BaseHTTPRequestHandler):
    server: Sleeper

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.changed:
            self.server.bodies.append(body)
            self.server.changed.notify_all()
        self.server.may_answer.wait(PATIENCE)
        if select.select([self.connection], [], [], 0)[0]:  # the other side has nothing more to say: this is its end
            self.server.hung_up += 1
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.body)
        with self.server.changed:
            self.server.answered += 1
            self.server.changed.notify_all()

    def log_message(self, *args: object) -> None:
        """Quiet."""


@contextmanager
def _serving(server: Sleeper) -> Iterator[Sleeper]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.may_answer.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def sleeper() -> Iterator[Sleeper]:
    with _serving(Sleeper()) as server:
        yield server


def test_a_wake_posts_an_empty_json_object_while_the_caller_has_gone_on(sleeper: Sleeper) -> None:
    HttpWaker(sleeper.url).wake()
    assert sleeper.answered == 0  # wake() returned, and nobody was answered yet
    assert sleeper.has_seen(1)
    assert sleeper.bodies == [b"{}"]


def test_the_connection_is_kept_until_the_answer(sleeper: Sleeper) -> None:
    HttpWaker(sleeper.url).wake()
    assert sleeper.has_seen(1)
    sleeper.may_answer.set()
    assert sleeper.has_answered(1)
    assert sleeper.hung_up == 0


def test_no_more_calls_are_under_way_than_there_are_threads(sleeper: Sleeper) -> None:
    HttpWaker(sleeper.url).wake(waker.THREADS + 3)
    assert sleeper.has_seen(waker.THREADS)
    assert len(sleeper.bodies) == waker.THREADS
    sleeper.may_answer.set()
    assert sleeper.has_answered(waker.THREADS + 3)


def test_wakes_beyond_those_that_may_wait_are_dropped_and_counted(sleeper: Sleeper, caplog: pytest.LogCaptureFixture) -> None:
    busy = HttpWaker(sleeper.url)
    busy.wake(waker.THREADS)
    assert sleeper.has_seen(waker.THREADS)
    with caplog.at_level(logging.INFO):
        busy.wake(waker.WAITING + 5)
    assert [record.__dict__["dropped"] for record in caplog.records] == [5]
    sleeper.may_answer.set()
    assert sleeper.has_answered(waker.THREADS + waker.WAITING)
    assert len(sleeper.bodies) == waker.THREADS + waker.WAITING


def test_a_dead_target_costs_a_line_in_the_log_and_the_next_wake_is_sent(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    patient = HttpWaker(f"http://127.0.0.1:{port}/ocr")
    for _ in range(waker.THREADS + 1):
        patient.wake()
    _await_log(caplog, "a wake was lost", waker.THREADS + 1)


def test_a_target_that_refuses_is_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with _serving(Sleeper(status=401)) as server:
        server.may_answer.set()
        HttpWaker(server.url).wake()
        _await_log(caplog, "a wake was refused", 1)


FULL = b'{"handled": 0, "full": true}'


def test_while_as_many_as_may_are_at_work_one_wake_stands_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waker, "QUIET", 1.0)
    with _serving(Sleeper(200, FULL)) as server:
        server.may_answer.set()
        woken = HttpWaker(server.url)
        woken.wake()
        assert woken.flush(PATIENCE)
        for _ in range(2 * waker.WAITING):
            woken.wake()
        assert woken.flush(PATIENCE)
        assert len(server.bodies) == 2


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b'{"handled": 2}'),
        (200, b'{"handled": 0}'),
        (200, b""),
        (200, b"[]"),
        (200, b"{"),
        (200, b'{"full": 1}'),
        (429, b"{}"),
        (503, b""),
    ],
)
def test_after_any_other_answer_each_wake_is_sent(status: int, body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waker, "QUIET", PATIENCE)
    with _serving(Sleeper(status, body)) as server:
        server.may_answer.set()
        woken = HttpWaker(server.url)
        for _ in range(3):
            woken.wake()
            assert woken.flush(PATIENCE)
        assert len(server.bodies) == 3


@pytest.mark.parametrize("count", [1, 3])
def test_wakes_for_the_pages_of_a_file_do_not_wait(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waker, "QUIET", PATIENCE)
    with _serving(Sleeper(200, FULL)) as server:
        server.may_answer.set()
        woken = HttpWaker(server.url)
        woken.wake()
        assert woken.flush(PATIENCE)
        woken.wake(count)
        assert woken.flush(PATIENCE / 2)
        assert len(server.bodies) == 1 + count


def test_without_a_url_nothing_is_sent() -> None:
    silent = HttpWaker(None)
    silent.wake(100)
    assert silent.flush(0)


def test_who_flushes_waits_for_every_answer_but_not_for_ever(sleeper: Sleeper) -> None:
    leaving = HttpWaker(sleeper.url)
    assert leaving.flush(0)
    leaving.wake(waker.THREADS + 3)
    assert not leaving.flush(0.1)
    sleeper.may_answer.set()
    assert leaving.flush(PATIENCE)
    assert len(sleeper.bodies) == waker.THREADS + 3


def test_a_wake_that_nobody_takes_ends_a_flush_too() -> None:
    leaving = HttpWaker(f"http://127.0.0.1:{free_port()}/ocr")
    leaving.wake()
    assert leaving.flush(PATIENCE)


def test_an_answer_may_take_longer_than_a_call_that_has_just_begun_its_last_page() -> None:
    assert waker.TIMEOUT.read_timeout is not None
    assert waker.TIMEOUT.read_timeout >= 120


def _await_log(caplog: pytest.LogCaptureFixture, message: str, times: int) -> None:
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.02)):
        if [record.message for record in caplog.records].count(message) >= times:
            return
        pause.wait(0.02)
    raise AssertionError(f"{message!r} was not logged {times} times")
