"""gunicorn's settings for a container of one function, and the hooks that the embedded stack uses too.

    gunicorn --config python:docusnap.hosts.gunicorn_conf docusnap.hosts.gateway:app

Threads, not processes, hold waiting readers; SIGTERM drains. Nothing is preloaded: connections do not survive a fork.
"""

from __future__ import annotations

import os
from typing import Any

from prometheus_client import multiprocess

from docusnap.hosts import logs, stop

bind = f"0.0.0.0:{os.environ.get('PORT', '8080')}"
worker_class = "docusnap.hosts.gthread.Worker"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 16
timeout = 120  # a page may take its 60 s
graceful_timeout = 8
keepalive = 75  # longer than a proxy's, so that it is the proxy who closes
limit_request_line = 8190  # bytes, the most gunicorn allows: an address that leads nowhere is for us to answer
control_socket_disable = True
accesslog = None  # the gateway writes its own, by route


def post_worker_init(worker: Any) -> None:  # noqa: ARG001  gunicorn's signature
    """Let running calls hear of SIGTERM, and the log be JSON before the first request."""
    logs.configure()
    stop.on_signals()


def child_exit(server: Any, worker: Any) -> None:  # noqa: ARG001
    """Forget the gauges of a worker that ended; its counters stay."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
