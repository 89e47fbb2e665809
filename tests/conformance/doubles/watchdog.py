"""A double of OpenFaaS's of-watchdog in HTTP mode: what of-watchdog 0.11.6 was measured to do, and nothing else.

Measured on the program itself, built from source, once: bodies reach the function chunked; `/_/health` and `/_/ready` are its own;
`X-Duration-Seconds` is added; past `exec_timeout` 504 with `X-OpenFaaS-Internal: of-watchdog`; over `max_inflight` 429; where
`write_timeout` is no longer than `exec_timeout` the connection is cut instead of a 504; a caller who hangs up cancels the call down to the
function's connection; SIGTERM goes to the child at once, while calls in flight are still answered; a child that is gone gives 500.
Set by of-watchdog's own variables. Not copied: its log, its metrics, /tmp/.lock, streaming.

    fprocess="gunicorn …" upstream_url=http://127.0.0.1:5000 port=8080 exec_timeout=10 python -m tests.conformance.doubles.watchdog
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
import time

import requests

from tests.conformance.doubles.wire import Answer, CutOff, Handler, HungUp, Server, TooLate, plain, send_on

UPSTREAM = os.environ.get("upstream_url", "")  # noqa: SIM112  of-watchdog's own names are in small letters
EXEC, WRITE, INTERVAL = (
    float(os.environ.get(name, default))
    for name, default in (("exec_timeout", "10"), ("write_timeout", "12"), ("healthcheck_interval", "1"))
)
PLACES = threading.BoundedSemaphore(int(os.environ.get("max_inflight") or "1000000"))  # noqa: SIM112
READY_PATH = os.environ.get("ready_path")  # noqa: SIM112
OWN = {"X_OpenFaaS_Internal": "of-watchdog"}
draining = threading.Event()


class Watchdog(Handler):
    server: Server

    def answer(self) -> None:
        if self.path == "/_/health":
            return self.reply(plain(503 if draining.is_set() else 200))
        if self.path == "/_/ready":
            return self.reply(plain(_readiness()))
        body = self.whole_body()
        if not PLACES.acquire(blocking=False):
            return self.reply(plain(429, "Concurrent request limit exceeded.", **OWN))
        with self.server:
            try:
                return self._call(body)
            finally:
                PLACES.release()

    def _call(self, body: bytes) -> None:
        began = time.monotonic()
        try:
            told = send_on(self, UPSTREAM, self.path, self.end_to_end(), body, seconds=min(EXEC, WRITE))
        except HungUp:
            return self.cut()
        except TooLate:
            return self.cut() if WRITE <= EXEC else self.reply(plain(504, **OWN))
        except CutOff:
            return self.reply(plain(500, **OWN))
        spent = ("X-Duration-Seconds", f"{time.monotonic() - began:.6f}")
        return self.reply(Answer(told.status, [*told.headers, spent], told.body))

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = answer  # noqa: N815  the base class's names


def _readiness() -> int:
    if draining.is_set():
        return 503
    try:
        return requests.get(f"{UPSTREAM}{READY_PATH}", timeout=5).status_code if READY_PATH else 200
    except requests.ConnectionError:
        return 503


def main() -> int:
    # A process group of its own, as in a container: a terminal's signals are not the child's.
    child = subprocess.Popen(shlex.split(os.environ["fprocess"]), start_new_session=True)  # noqa: SIM112
    server = Server(int(os.environ["port"]), Watchdog)  # noqa: SIM112
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def told_to_stop(*_: object) -> None:
        child.send_signal(signal.SIGTERM)
        draining.set()

    signal.signal(signal.SIGTERM, told_to_stop)
    while not draining.wait(0.1):
        if child.poll():
            return 1  # "Forked function has terminated"
    time.sleep(INTERVAL)  # so long it goes on taking calls, until whoever asks for its health has seen it
    server.shutdown()
    server.drained(WRITE)
    return 1 if child.wait(60) else 0


if __name__ == "__main__":
    sys.exit(main())
