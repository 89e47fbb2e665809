"""Processes of the simulated world: threads of which one runs at a time, from one pause to the next."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

from docusnap.model import Work

STUCK_SECONDS = 120.0  # of real time

_here = threading.local()


class Killed(BaseException):
    """The process was killed: nothing after this line happens. No `except Exception` of the product holds it up."""


class Task:
    """One call of a function, or one act of a client. It pauses before everything that another could come in between."""

    def __init__(self, name: str, job: Callable[[], object], began: datetime) -> None:
        self.name, self.began = name, began
        self.at = "its begin"  # where it pauses
        self.over = self.doomed = self.told_to_stop = self.engine_breaks = False
        self.holds: Work | None = None  # what a worker claimed last
        self.outcome: object = None
        self.crash: Exception | None = None
        self._job = job
        self._go, self._back = threading.Lock(), threading.Lock()  # held: a baton that nobody has handed over
        self._go.acquire()
        self._back.acquire()
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)

    def step(self) -> None:
        """Let it go on to its next pause, or to its end."""
        if self._thread.ident is None:
            self._thread.start()
        self._go.release()
        if not self._back.acquire(timeout=STUCK_SECONDS):
            raise AssertionError(f"{self.name} waits for something that a paused task holds, since {self.at}")
        if self.over:
            self._thread.join()

    def kill(self) -> None:
        """It dies where it pauses."""
        self.doomed = True
        self.step()

    def pause(self, where: str) -> None:
        """Called in the task itself: others may go on before it does.

        Raises: Killed.
        """
        self.at = where
        self._back.release()
        self._go.acquire()
        self.check()

    def check(self) -> None:
        """What a killed process would do in a `finally` never happens.

        Raises: Killed.
        """
        if self.doomed:
            raise Killed

    def die(self) -> None:
        """Raises: Killed."""
        self.doomed = True
        raise Killed

    def _main(self) -> None:
        _here.task = self
        self._go.acquire()
        try:
            self.check()
            self.outcome = self._job()
        except Killed:
            self.outcome = "killed"
        except Exception as exc:  # noqa: BLE001  what a process ends with is the scheduler's to judge
            self.outcome, self.crash = type(exc).__name__, exc
        finally:
            self.over = True
            self._back.release()


def current() -> Task | None:
    """The task that runs here; None in a helper thread of its own, such as those of sweep's HEADs."""
    return getattr(_here, "task", None)


def pause(where: str) -> None:
    """Raises: Killed."""
    if (task := current()) is not None:
        task.pause(where)
