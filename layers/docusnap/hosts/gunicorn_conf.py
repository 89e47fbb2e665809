"""gunicorn's settings for a container of one function, and the hooks that the embedded stack uses too.

    FUNCTION=query gunicorn --config python:docusnap.hosts.gunicorn_conf docusnap.hosts.function:app

Threads, not processes, hold waiting readers; SIGTERM drains. Nothing is preloaded: connections do not survive a fork.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from typing import Any

from prometheus_client import multiprocess

from docusnap import settings
from docusnap.errors import ConfigurationError
from docusnap.hosts import logs, stop

log = logging.getLogger(__name__)

FUNCTION = os.environ.get("FUNCTION")  # the container's one function; unset where a gateway serves several
SPARE_THREADS = 4  # for probes, and for saying 429

bind = f"{os.environ.get('HOST') or '0.0.0.0'}:{os.environ.get('PORT') or '8080'}"  # noqa: S104  a container answers its network
worker_class = "docusnap.hosts.gthread.Worker"
# A container of one function grows by its number: what scales it counts requests by container.
workers = int(os.environ.get("WEB_CONCURRENCY") or ("1" if FUNCTION else "2"))
threads = int(os.environ.get("MAX_INFLIGHT") or "16") + SPARE_THREADS if FUNCTION else 16
timeout = 120  # a page may take its 60 s
graceful_timeout = 8
keepalive = 75  # longer than a proxy's, so that it is the proxy who closes
limit_request_line = 8190  # bytes, the most gunicorn allows: an address that leads nowhere is for us to answer
control_socket_disable = True
accesslog = None  # the gateway writes its own, by route


def on_starting(server: Any) -> None:  # noqa: ARG001  gunicorn's signature
    """A container whose settings are wrong says so in one sentence and ends, instead of answering 500."""
    if FUNCTION is None:
        return
    logs.configure()
    try:
        settings.load(os.environ)
        importlib.import_module("docusnap.hosts.function").check(FUNCTION)
    except ConfigurationError as exc:
        log.error(exc.detail)  # noqa: TRY400  a traceback would hide the sentence
        sys.exit(1)


def post_worker_init(worker: Any) -> None:  # noqa: ARG001
    """Let running calls hear of SIGTERM, let the log be JSON before the first request, and load the function."""
    logs.configure()
    stop.on_signals()
    if FUNCTION is not None:
        importlib.import_module("docusnap.hosts.function").warm()


def child_exit(server: Any, worker: Any) -> None:  # noqa: ARG001
    """Forget the gauges of a worker that ended; its counters stay."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
