"""How a call learns that its time is up, or that its process was told to stop."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType
from typing import Self

_told_to_stop = threading.Event()


class Deadline:
    """The `context` of a call under the HTTP hosts, with Lambda's names for what Lambda has too; a `Clock`."""

    def __init__(self, seconds: float, request_id: str, told_to_stop: threading.Event = _told_to_stop) -> None:
        self.aws_request_id = request_id
        self._ends = time.monotonic() + seconds
        self._told_to_stop = told_to_stop

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ends = 0.0  # a thread that outlives its call begins nothing more

    def remaining(self) -> float:
        """Seconds in which new work may still be begun."""
        return 0.0 if self.stopping() else max(0.0, self._ends - time.monotonic())

    def get_remaining_time_in_millis(self) -> int:
        return int(self.remaining() * 1000)

    def stopping(self) -> bool:
        return self._told_to_stop.is_set()


def told() -> bool:
    """Whether this process was told to stop."""
    return _told_to_stop.is_set()


def on_signals() -> None:
    """Have SIGTERM, SIGINT and SIGQUIT tell running calls to stop, beside what they did before. Main thread only.

    gunicorn's own handlers only stop taking requests: a page under way would use up the whole graceful time-out, and be killed.
    """
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        _also(number)


def _also(number: signal.Signals) -> None:
    before = signal.getsignal(number)

    def handle(received: int, frame: FrameType | None) -> None:
        _told_to_stop.set()
        if callable(before):
            before(received, frame)

    signal.signal(number, handle)
