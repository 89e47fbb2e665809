"""Metrics and an access log around an application, and `/metrics` itself."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from docusnap import errors
from docusnap.bootstrap import Parts
from docusnap.hosts import logs, metrics
from docusnap.hosts.http import ROUTE, Application, Environ, StartResponse, path_of, request_id, respond

log = logging.getLogger("docusnap.access")

METRICS = "/metrics"
READS = frozenset({"GET", "HEAD"})


def with_metrics(inner: Application, of: Callable[[], Parts]) -> Application:
    """Answer `/metrics`, and pass on all else. OPTIONS is the application's own."""

    def outer(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        if path_of(environ) != METRICS or environ["REQUEST_METHOD"] == "OPTIONS":
            return inner(environ, start)
        environ[ROUTE] = METRICS
        if environ["REQUEST_METHOD"] not in READS:
            raise errors.MethodNotAllowed(allow=("GET", "HEAD", "OPTIONS"))
        body = metrics.exposition(lambda: of().ledger)
        return respond(environ, start, 200, {"Content-Type": metrics.MEDIA_TYPE, "Cache-Control": "no-store"}, body)

    return outer


def observed(inner: Application) -> Application:
    """Count each answer and log it, by route: a path may hold a token."""

    def outer(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        began, statuses = time.monotonic(), ["500"]

        def noting(status: str, headers: list[tuple[str, str]]) -> Any:
            statuses.append(status[:3])
            return start(status, headers)

        try:
            with metrics.requests().in_progress.track_inprogress():
                return inner(environ, noting)
        finally:
            _note(environ, int(statuses[-1]), time.monotonic() - began)

    return outer


def _note(environ: Environ, status: int, seconds: float) -> None:
    method, route = environ["REQUEST_METHOD"], environ.get(ROUTE, "")
    metrics.requests().observe(method, route, status, seconds)
    told = {"method": method, "route": route, "status": status, "ms": round(seconds * 1000, 1), "request_id": request_id(environ)}
    logs.write(log, "request", told)
