"""A container of one function, named by FUNCTION: what of-watchdog and Knative ask of a container, without a watchdog inside.

FUNCTION=query gunicorn --config python:docusnap.hosts.gunicorn_conf docusnap.hosts.function:app
"""

from __future__ import annotations

import gc
import importlib
import logging
import os
import threading
from collections.abc import Callable, Iterable
from typing import cast

from docusnap import errors
from docusnap.adapters import engines
from docusnap.adapters.engine_process import EngineProcess
from docusnap.bootstrap import Parts, once, parts
from docusnap.hosts import logs, stop
from docusnap.hosts.http import (
    Application,
    Environ,
    StartResponse,
    answer_probe,
    api_host,
    guarded,
    is_probe,
    json_host,
    refuse,
)
from docusnap.hosts.observed import observed, with_metrics
from docusnap.settings import Settings

WEB = ("upload", "query", "intake")  # take REST payloads; the others take JSON by POST
FUNCTIONS = (*WEB, "ocr", "sweep")
INFLIGHT = 16
SWEEP_SECONDS = 60.0


def application(name: str, of: Callable[[], Parts] = parts) -> Application:
    """One function with its probes, its bound on requests at once, its metrics and its access log.

    Raises: ConfigurationError for an unknown name or unusable settings.
    """
    check(name)
    settings = of().settings
    function = importlib.import_module(f"functions.{name}.app")
    if name in WEB:
        host = api_host(function.app, lambda: settings.max_json_bytes, lambda: settings.trusted_proxies)
    else:
        host = json_host(function.handler, settings.ocr_work_seconds if name == "ocr" else SWEEP_SECONDS)
    return observed(guarded(probed(with_metrics(bounded(host, inflight(name, settings)), of), name, settings)))


def check(name: str) -> None:
    """Raises: ConfigurationError for a name that is no function's."""
    if name not in FUNCTIONS:
        raise errors.ConfigurationError(f"FUNCTION: {name!r} is not one of {', '.join(FUNCTIONS)}.")


def inflight(name: str, settings: Settings) -> int:
    """How many requests are answered at once."""
    return settings.max_inflight or (settings.ocr_fanout if name == "ocr" else INFLIGHT)


def probed(inner: Application, name: str, settings: Settings) -> Application:
    """`/_/health` says that the process answers, `/_/ready` whether it should get requests.

    The database and the store are left out: all containers would leave their Service at once, and a client's answer would be a proxy's.
    """

    def outer(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        if not is_probe(environ):
            return inner(environ, start)
        reason = unready(name, settings) if environ["PATH_INFO"] == "/_/ready" else None
        return refuse(environ, start, reason) if reason else answer_probe(environ, start)

    return outer


def unready(name: str, settings: Settings) -> errors.Unavailable | None:
    """Why this container should get no requests; None where it should. Not raised: every probe would fill the log with it."""
    if stop.told():
        return errors.Interrupted()
    try:
        if name == "ocr":
            engines.check(settings)
    except errors.ConfigurationError as exc:
        return errors.Unavailable(exc.detail)
    return None


def bounded(inner: Application, at_once: int) -> Application:
    """Refuse one request more than so many, at once: a queue inside a container is one that no scaler sees."""
    places = threading.BoundedSemaphore(at_once)

    def outer(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        if not places.acquire(blocking=False):
            raise errors.AtCapacity
        try:
            return inner(environ, start)
        finally:
            places.release()

    return outer


@once
def _function() -> Application:
    logs.configure()
    return application(os.environ.get("FUNCTION", ""))


@guarded
def app(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """The WSGI application; the function is loaded with the first request of a process, if `warm` has not done so."""
    return _function()(environ, start)


def warm() -> None:
    """Load the function and its database's library before its first request, and have `ocr` load its networks and its decoder beside that.

    Raises: ConfigurationError.
    """
    gc.disable()  # what is loaded now stays: to look for garbage in it takes a sixth of the time
    try:
        _function()
        if os.environ.get("FUNCTION") == "ocr":
            _ = parts().decoder  # whose nursery does its imports meanwhile
            threading.Thread(target=_warm_engine, daemon=True).start()
        _ = parts().ledger  # connects at its first call
    finally:
        gc.enable()


def _warm_engine() -> None:
    """Best effort: the first page would do the same, only later."""
    try:
        cast("EngineProcess", parts().engine).warm()
    except Exception:
        logging.getLogger(__name__).exception("the recogniser could not be warmed up")
