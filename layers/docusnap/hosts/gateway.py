"""The embedded gateway: `upload`, `query` and `intake` on one port, dispatched by method and path; `/metrics` is its own.

Run by gunicorn as `docusnap.hosts.gateway:app`, with the folder that holds `functions/` on the path.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence

from docusnap import errors
from docusnap.bootstrap import Parts, once, parts
from docusnap.hosts import logs
from docusnap.hosts.http import BODY_BYTES, Application, Environ, Handler, Network, StartResponse, api_host, guarded, path_of
from docusnap.hosts.observed import READS, observed, with_metrics


def application(upload: Handler, query: Handler, intake: Handler, of: Callable[[], Parts] = parts) -> Application:
    """The dispatcher over three functions, with metrics and an access log around it."""

    def limit() -> int:
        try:
            return of().settings.max_json_bytes
        except errors.ConfigurationError:
            return BODY_BYTES  # the app says what is wrong with the settings

    def trusted() -> Sequence[Network]:
        try:
            return of().settings.trusted_proxies
        except errors.ConfigurationError:
            return ()

    hosts = {name: api_host(app, limit, trusted) for name, app in (("upload", upload), ("query", query), ("intake", intake))}

    def dispatch(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        path = path_of(environ)
        if path == "/events" or path.startswith("/events/"):
            return hosts["intake"](environ, start)
        return hosts["query" if environ["REQUEST_METHOD"] in READS else "upload"](environ, start)

    return observed(guarded(with_metrics(dispatch, of)))


@once
def _functions() -> Application:
    logs.configure()
    upload, query, intake = (importlib.import_module(f"functions.{name}.app").app for name in ("upload", "query", "intake"))
    return application(upload, query, intake)


@guarded
def app(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """The WSGI application; the functions are loaded with the first request of a process."""
    return _functions()(environ, start)
