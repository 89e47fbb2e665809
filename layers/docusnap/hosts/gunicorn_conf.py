"""gunicorn's settings for a container of one function, and the hooks that the embedded stack uses too.

    FUNCTION=query gunicorn --config python:docusnap.hosts.gunicorn_conf docusnap.hosts.function:app

Threads, not processes, hold waiting readers; SIGTERM drains. Nothing is preloaded: connections do not survive a fork.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Callable
from typing import Any

from prometheus_client import multiprocess

from docusnap import settings
from docusnap.errors import ConfigurationError
from docusnap.hosts import logs, stop

log = logging.getLogger(__name__)

FUNCTION = os.environ.get("FUNCTION")  # the container's one function; unset where a gateway serves several
APP = "docusnap.hosts.function:app"
SPARE_THREADS = 4  # for probes, and for saying 429

_problems: list[str] = []


def _number(name: str, default: int) -> int:
    """A variable of gunicorn's own. What is none is told by `on_starting`, with all else that is wrong."""
    text = os.environ.get(name) or str(default)
    if text.isascii() and text.isdigit():
        return int(text)
    _problems.append(f"{name}: {text!r} is not a whole number.")
    return default


bind = f"{os.environ.get('HOST') or '0.0.0.0'}:{_number('PORT', 8080)}"  # noqa: S104  a container answers its network
worker_class = "docusnap.hosts.gthread.Worker"
# A container of one function grows by its number: what scales it counts requests by container.
workers = _number("WEB_CONCURRENCY", 1 if FUNCTION else 2)
threads = _number("MAX_INFLIGHT", 16) + SPARE_THREADS if FUNCTION else 16
timeout = 120  # a page may take its 60 s
graceful_timeout = 8
keepalive = 75  # longer than a proxy's, so that it is the proxy who closes
limit_request_line = 8190  # bytes, the most gunicorn allows: an address that leads nowhere is for us to answer
control_socket_disable = True
accesslog = None  # the gateway writes its own, by route
logconfig_dict = logs.GUNICORN


def on_starting(server: Any) -> None:
    """A container whose settings are wrong says so, all at once, and ends, instead of answering 500."""
    if FUNCTION is None and server.app.app_uri != APP:
        return
    logs.configure()
    problems = [*_problems, *_refused(lambda: settings.load(os.environ)), *_refused(lambda: function().check(FUNCTION or ""))]
    if problems:
        log.error(" ".join(dict.fromkeys(problems)))
        sys.exit(1)


def _refused(read: Callable[[], object]) -> list[str]:
    try:
        read()
    except ConfigurationError as exc:
        return [exc.detail]
    return []


def function() -> Any:
    """The container's module, which a gateway of several functions does without."""
    return importlib.import_module("docusnap.hosts.function")


def post_worker_init(worker: Any) -> None:  # noqa: ARG001
    """Let running calls hear of SIGTERM, let the log be JSON before the first request, and load the function."""
    logs.configure()
    stop.on_signals()
    if FUNCTION is not None:
        function().warm()


def child_exit(server: Any, worker: Any) -> None:  # noqa: ARG001
    """Forget the gauges of a worker that ended; its counters stay."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
