"""The embedded gateway: `upload`, `query` and `intake` on one port, dispatched by method and path; `/metrics` is its own.

Run by gunicorn as `docusnap.hosts.gateway:app`, with the folder that holds `functions/` on the path.
"""

from __future__ import annotations

import importlib
import logging
import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from docusnap import errors
from docusnap.bootstrap import Parts, parts
from docusnap.hosts import logs, metrics
from docusnap.hosts.http import (
    BODY_BYTES,
    ROUTE,
    Application,
    Environ,
    Handler,
    StartResponse,
    api_host,
    guarded,
    path_of,
    request_id,
    respond,
)

log = logging.getLogger("docusnap.access")

READS = frozenset({"GET", "HEAD"})


def application(upload: Handler, query: Handler, intake: Handler, of: Callable[[], Parts] = parts) -> Application:
    """The dispatcher over three functions, with metrics and an access log around it."""

    def limit() -> int:
        try:
            return of().settings.max_json_bytes
        except errors.ConfigurationError:
            return BODY_BYTES  # the app says what is wrong with the settings

    hosts = {name: api_host(app, limit) for name, app in (("upload", upload), ("query", query), ("intake", intake))}

    def dispatch(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        path = path_of(environ)
        if path == "/metrics" and environ["REQUEST_METHOD"] != "OPTIONS":
            return _metrics(environ, start, of)
        if path == "/events" or path.startswith("/events/"):
            return hosts["intake"](environ, start)
        return hosts["query" if environ["REQUEST_METHOD"] in READS else "upload"](environ, start)

    return observed(guarded(dispatch))


def _metrics(environ: Environ, start: StartResponse, of: Callable[[], Parts]) -> Iterable[bytes]:
    environ[ROUTE] = "/metrics"
    if environ["REQUEST_METHOD"] not in READS:
        raise errors.MethodNotAllowed(allow=("GET", "HEAD", "OPTIONS"))
    body = metrics.exposition(lambda: of().ledger)
    return respond(environ, start, 200, {"Content-Type": metrics.MEDIA_TYPE, "Cache-Control": "no-store"}, body)


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
    log.info("request", extra=told)


@cache
def _functions() -> Application:
    logs.configure()
    upload, query, intake = (importlib.import_module(f"functions.{name}.app").app for name in ("upload", "query", "intake"))
    return application(upload, query, intake)


@guarded
def app(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """The WSGI application; the functions are loaded with the first request of a process."""
    return _functions()(environ, start)
