"""The `ocr` function behind HTTP: POST wakes it. Run by gunicorn as `docusnap.hosts.worker:app`.

`stop.on_signals` must run in each gunicorn worker (`post_worker_init`), so that a running call hands its work over on SIGTERM.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from functools import cache

from docusnap.bootstrap import parts
from docusnap.hosts import logs
from docusnap.hosts.http import Application, Environ, StartResponse, guarded, json_host


@cache
def _function() -> Application:
    logs.configure()
    return json_host(importlib.import_module("functions.ocr.app").handler, parts().settings.ocr_work_seconds)


@guarded
def app(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """The WSGI application; the function is loaded with the first request of a process."""
    return _function()(environ, start)
