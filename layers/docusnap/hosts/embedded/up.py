"""`docusnap up`: decide, start, feed, watch, and stop without a trace."""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from docusnap import __version__
from docusnap.client import Client
from docusnap.hosts.embedded import screen
from docusnap.hosts.embedded.feed import feed, sample
from docusnap.hosts.embedded.home import Home, HomeLock, read_line, write_private
from docusnap.hosts.embedded.parent import MakeWatch
from docusnap.hosts.embedded.plan import Plan, decide
from docusnap.hosts.embedded.screen import Stopwatch, say
from docusnap.hosts.embedded.stack import Stack
from docusnap.hosts.embedded.trouble import CannotStart

TICK = 0.2  # seconds
SECOND_START_SECONDS = 60.0  # for a stack that is just starting


class Stop(BaseException):
    """The user asked to stop; passes every `except Exception` on the way."""


class Signals:
    """SIGINT, SIGTERM and SIGHUP: the first ends what is under way, a later one hurries the end."""

    def __init__(self) -> None:
        self._first: float | None = None
        self._hurry = False
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, self._heard)

    def _heard(self, _signum: int, _frame: FrameType | None) -> None:
        if self._first is None:
            self._first = time.monotonic()
            raise Stop
        # make passes on what its whole process group has got already: that is the same wish twice.
        self._hurry = self._hurry or time.monotonic() - self._first > 1.0

    def heard(self) -> bool:
        """To be asked too: where `Stop` is raised inside a destructor or a callback, Python drops it."""
        return self._first is not None

    def ignore_first(self) -> None:
        """The end has begun for another reason: the next signal raises nothing."""
        self._first = self._first or time.monotonic()

    def hurry(self) -> bool:
        return self._hurry


def up(file: str | None, environ: Mapping[str, str]) -> int:
    """Run until told to stop; returns the exit status.

    Raises: CannotStart with nothing left running.
    """
    signals = Signals()
    try:
        return _up(file, environ, signals)
    except Stop:
        return 0


def _up(file: str | None, environ: Mapping[str, str], signals: Signals) -> int:
    path = _readable(file)
    home = Home.of(environ)
    if home.live():
        return _beside(home, path)
    decided = decide(environ)
    home.create()
    lock = HomeLock(home)
    if not lock.acquire():
        return _beside(home, path)
    try:
        return _run(decided, path, signals)
    finally:
        home.run.unlink(missing_ok=True)
        lock.release()


def _run(decided: Plan, path: Path | None, signals: Signals) -> int:
    watch = Stopwatch()
    say(f"DocuSnap {__version__} starts in {decided.home.path}")
    make = MakeWatch()
    stack = Stack(decided, watch)
    try:
        key = _start(stack, watch)
        if not signals.heard():
            _in_background(stack.plan, key, path)
        while not signals.heard() and not make.stopping():
            _wait(stack)
        signals.ignore_first()
        say("\nStopping …")
    except Stop:
        say("\nStopping …")
    finally:
        signals.ignore_first()
        stack.stop(signals.hurry)
    say("Stopped.")
    return 0


def _wait(stack: Stack) -> None:
    for _ in range(5):  # make is asked once a second, our own programs more often
        stack.tend()
        time.sleep(TICK)


def _start(stack: Stack, watch: Stopwatch) -> str:
    home = stack.plan.home
    home.run.unlink(missing_ok=True)
    stack.start()
    keys = importlib.import_module("docusnap.hosts.embedded.keys")  # imported while the programs start
    keys.bring_up_to_date(stack.plan.settings.database_url)
    if stack.plan.postgres is not None:
        keys.free_work(stack.plan.settings.database_url)
    key: str = keys.own_key(home, stack.plan.settings.database_url)
    watch.ready("schema", "up to date")
    stack.serve()
    write_private(home.run, json.dumps(_about(stack.plan)) + "\n")
    client = Client(stack.plan.url, key, connections=1)
    stack.await_ready(client.ready)
    client.close()
    return key


def _about(decided: Plan) -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "url": decided.url,
        "port": decided.port,
        "s3_port": decided.s3_port,
        "s3_url": decided.settings.s3_endpoint_url,
        "ocr_url": decided.settings.ocr_url,
        "database_url": decided.postgres.url if decided.postgres else None,  # an external one may hold a password
    }


def _in_background(decided: Plan, key: str, path: Path | None) -> None:
    """Feed the first pages beside the watching main thread; the process does not wait for it."""
    threading.Thread(target=_greet, args=(decided, key, path), daemon=True).start()


def _greet(decided: Plan, key: str, path: Path | None) -> None:
    home, client = decided.home, Client(decided.url, key)
    page = sample()
    if page is not None and not home.sample_sent.exists():
        feed(client, page, say, anew=False, registered=home.sample_sent.touch)
    if path is not None:
        feed(client, path, say)
    client.close()
    s3_keys = None if decided.external_store else home.s3_env
    docusnap = screen.command(sys.argv[0], Path.cwd(), decided.environ.get("DOCUSNAP_HOME"))
    screen.where_things_are(decided.url, decided.settings.s3_endpoint_url, home.api_key, s3_keys, home.logs, docusnap=docusnap)


def _beside(home: Home, path: Path | None) -> int:
    """A second start on a live home: send the file, else say where it runs."""
    deadline = time.monotonic() + SECOND_START_SECONDS
    while True:
        running, key = home.running(), read_line(home.api_key)
        if running and key:
            client = Client(running["url"], key)
            if client.ready():
                break
        if not home.live():
            raise CannotStart(f"The DocuSnap that ran on {home.path} has just ended; start it again.")
        if time.monotonic() > deadline:
            raise CannotStart(f"A DocuSnap holds {home.path} but is not ready; its logs are in {home.logs}.")
        time.sleep(0.2)
    if path is not None:
        feed(client, path, say)
    else:
        screen.already_running(running["url"], running["s3_url"], home.api_key, home.logs)
    return 0


def _readable(file: str | None) -> Path | None:
    """Raises: CannotStart for a file that cannot be sent."""
    if not file:
        return None
    path = Path(file).expanduser()
    try:
        with path.open("rb"):
            return path
    except OSError as exc:
        raise CannotStart(f"{file} cannot be read: {exc.strerror}.") from exc


def main(file: str | None, environ: Mapping[str, str]) -> int:
    """`up` with its trouble said in one sentence on stderr."""
    try:
        return up(file, environ)
    except CannotStart as exc:
        sys.stdout.flush()
        sys.stderr.write(f"docusnap: {exc}\n")
        return 1
