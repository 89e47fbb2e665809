"""Servers that break one rule each: what the suite must notice. Run by gunicorn as `tests.conformance.bad:NAME`."""

from __future__ import annotations

import io
import os
import signal
import time
from collections.abc import Iterable

from docusnap.hosts import function, stop
from docusnap.hosts.http import Environ, StartResponse

if os.environ.get("BAD") == "without_a_limit":
    os.environ.pop("MAX_INFLIGHT", None)
_seen: dict[str, str] = {}


def talking(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Says things that are no JSON."""
    print("hello")
    return function.app(environ, start)


def deaf_to_chunks(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Reads a body only as far as Content-Length says."""
    if environ.pop("HTTP_TRANSFER_ENCODING", None):
        environ["wsgi.input"] = io.BytesIO()
    return function.app(environ, start)


def deaf_to_sigterm(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Calls under way never hear that the process ends."""
    stop._told_to_stop.clear()
    stop._told_to_stop.set = lambda: None  # type: ignore[method-assign]
    return function.app(environ, start)


def without_a_limit(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """MAX_INFLIGHT is not looked at (above)."""
    return function.app(environ, start)


def mixing_callers_up(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """The current request is in one place for all threads, as a plain Chalice object has it."""
    _seen["key"] = environ.get("HTTP_AUTHORIZATION", "")
    time.sleep(0.002)
    environ["HTTP_AUTHORIZATION"] = _seen["key"]
    return function.app(environ, start)


def believing_everyone(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Takes any address for the trusted proxy's."""
    environ["REMOTE_ADDR"] = "192.0.2.1"
    return function.app(environ, start)


def always_ready(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/_/ready":
        environ["PATH_INFO"] = environ["RAW_URI"] = "/_/health"
    return function.app(environ, start)


def reading_whatever_comes(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """No body is too large: MAX_JSON_BYTES is set out of reach in its environment."""
    return function.app(environ, start)


def dying_at_once(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """SIGTERM ends the process with whatever it does."""
    signal_at_once()
    return function.app(environ, start)


def signal_at_once() -> None:
    stop._told_to_stop.set = lambda: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign]
