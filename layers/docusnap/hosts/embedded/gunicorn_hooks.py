"""What the embedded stack's gunicorns do besides serving; given as `--config python:…`, so that no gunicorn.conf.py of a folder is read."""

from __future__ import annotations

from typing import Any

from prometheus_client import multiprocess

from docusnap.hosts.gunicorn_conf import keepalive, post_worker_init, timeout

__all__ = ["child_exit", "keepalive", "post_worker_init", "timeout"]


def child_exit(server: Any, worker: Any) -> None:  # noqa: ARG001  gunicorn's signature
    """Forget the gauges of a worker that ended; its counters stay."""
    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
