"""A double of Knative Serving's queue-proxy: what its documentation and its source say. Nothing was measured: it could not be built here.

Read in knative/serving (pkg/queue: handler, breaker, forwarded_shim, sharedmain; pkg/http/handler/timeout) and in knative/pkg
(network/handlers/drain): with CONTAINER_CONCURRENCY so many calls go on at once and ten times as many wait; one more is 503 "pending
request queue full". Past REVISION_TIMEOUT_SECONDS, the waiting included, 504 "request timeout" if nothing was sent yet.
`K-Network-Probe: queue` asks the container's readiness probe, and is 503 "shutting down" while draining; the kubelet's own probes
(`K-Kubelet-Probe`) pass outside of the queue. `Forwarded` is made of `X-Forwarded-*`. On SIGTERM it goes on serving until no call came
for the quiet period and none is in flight; `/wait-for-drain` on the admin port, which the preStop hook asks, answers then. A caller
who hangs up cancels the call; a call that it cannot pass on is 502. Go's ReverseProxy keeps a body's length; here bodies go on in chunks,
the harder case.

    CONTAINER_CONCURRENCY=16 REVISION_TIMEOUT_SECONDS=120 USER_PORT=8080 QUEUE_SERVING_PORT=8012 ADMIN_PORT=8022 \\
        python -m tests.conformance.doubles.queue_proxy
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import uuid
from http import HTTPStatus

import requests

from tests.conformance.doubles.wire import CutOff, Handler, HungUp, Server, TooLate, plain, send_on

AT_ONCE = int(os.environ.get("CONTAINER_CONCURRENCY") or "0")
TIMEOUT = float(os.environ.get("REVISION_TIMEOUT_SECONDS") or "300")
UPSTREAM = f"http://127.0.0.1:{os.environ.get('USER_PORT', '8080')}"
READY_PATH = os.environ.get("READINESS_PATH", "/_/ready")  # of the container's own probe
QUIET = float(os.environ.get("QUIET_SECONDS") or "30")  # as long as the source has it; tests are shorter
draining, drained = threading.Event(), threading.Event()


class Full(Exception):
    """So many wait already."""


class Breaker:
    """At most `at_once` calls go on, ten times as many wait; without a number all go on."""

    def __init__(self, at_once: int) -> None:
        self._pending = threading.BoundedSemaphore(at_once * 11 or 1_000_000)
        self._active = threading.BoundedSemaphore(at_once or 1_000_000)

    def enter(self, seconds: float) -> None:
        """Raises: Full, TooLate."""
        if not self._pending.acquire(blocking=False):
            raise Full
        if not self._active.acquire(timeout=seconds):
            self._pending.release()
            raise TooLate

    def leave(self) -> None:
        self._active.release()
        self._pending.release()


breaker = Breaker(AT_ONCE)


class QueueProxy(Handler):
    server: Server
    last = 0.0  # time.monotonic() of the newest call

    def answer(self) -> None:
        body = self.whole_body()
        if self.headers.get("K-Network-Probe") == "queue":
            return self.reply(_readiness())
        if "K-Kubelet-Probe" in self.headers:
            return self._call(body, TIMEOUT)
        QueueProxy.last = time.monotonic()
        with self.server:
            return self._queued(body)

    def _queued(self, body: bytes) -> None:
        ends = time.monotonic() + TIMEOUT
        try:
            breaker.enter(TIMEOUT)
        except Full:
            return self.reply(plain(503, "pending request queue full\n"))
        except TooLate:
            return self.reply(plain(504, "request timeout"))
        try:
            return self._call(body, ends - time.monotonic())
        finally:
            breaker.leave()

    def _call(self, body: bytes, seconds: float) -> None:
        try:
            return self.reply(send_on(self, UPSTREAM, self.path, self._headers(), body, seconds=seconds))
        except HungUp:
            return self.cut()
        except TooLate:
            return self.reply(plain(HTTPStatus.GATEWAY_TIMEOUT, "request timeout"))
        except CutOff as exc:
            return self.reply(plain(502, f"{exc.__cause__}\n"))

    def _headers(self) -> list[tuple[str, str]]:
        """Those of the call, and what Knative's ingress and the proxy add."""
        given = self.end_to_end()
        has = {name.lower(): value for name, value in given}
        hops = [*filter(None, [has.get("x-forwarded-for")]), self.client_address[0]]
        added = {
            "K-Proxy-Request": "activator",
            "X-Request-Id": has.get("x-request-id") or str(uuid.uuid4()),
            "X-Forwarded-Proto": has.get("x-forwarded-proto", "http"),
            "X-Forwarded-For": ", ".join(hops),
            "Forwarded": has.get("forwarded") or f"for={hops[0]};host={has.get('x-forwarded-host', has.get('host', ''))};proto=http",
        }
        return [*((name, value) for name, value in given if name.title() not in added), *added.items()]

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = answer  # noqa: N815  the base class's names


def _readiness() -> object:
    if draining.is_set():
        return plain(503, "shutting down\n")
    try:
        ready = requests.get(f"{UPSTREAM}{READY_PATH}", timeout=5).ok
    except requests.ConnectionError:
        ready = False
    return plain(200, "queue") if ready else plain(503, "queue not ready\n")


class Admin(Handler):
    """The port that the container's preStop hook asks."""

    server: Server

    def do_GET(self) -> None:  # noqa: N802  the base class's name
        if self.path != "/wait-for-drain":
            return self.reply(plain(404))
        with self.server:
            drained.wait()
            return self.reply(plain(200))


def main() -> int:
    server, admin = Server(int(os.environ["QUEUE_SERVING_PORT"]), QueueProxy), Server(int(os.environ["ADMIN_PORT"]), Admin)
    for each in (server, admin):
        threading.Thread(target=each.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: draining.set())
    while not draining.wait(0.1):  # a signal that another thread took does not wake an endless wait
        continue
    QueueProxy.last = time.monotonic()
    while time.monotonic() < QueueProxy.last + QUIET:
        time.sleep(0.05)
    server.drained(TIMEOUT)
    server.shutdown()
    drained.set()
    admin.drained(5)  # the hook has its answer
    return 0


if __name__ == "__main__":
    sys.exit(main())
