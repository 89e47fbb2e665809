"""Little more than nothing that answers a status read: what the aim was set by, so that a slow machine can be told from a slow gateway.

One SELECT by primary key, in Chalice behind gunicorn's own threads. No API key, no tenant, no problem documents, no log, no metrics.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from chalice.app import Chalice, Request
from docusnap.bootstrap import once

from benchmarks.engine.runs import ROOT
from benchmarks.ledger.house import House, end, free_port

WORKERS, THREADS = 2, 8
START_SECONDS = 30.0
TEMPLATE = "/v1/documents/{id}"
DOCUMENT = sa.text(
    "SELECT d.id, d.filename, d.content_type, r.status, r.number, r.pages_total, r.pages_done, r.pages_failed, d.created_at, r.updated_at "
    "FROM document d JOIN revision r ON r.document_id = d.id AND r.served WHERE d.id = :id"
)


class Sketch(Chalice):
    """Chalice keeps its current request in one attribute; here each thread has its own."""

    def __init__(self, url: str) -> None:
        self._of_thread = threading.local()
        super().__init__(app_name="sketch", configure_logs=False, env={})
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", pool_reset_on_return=None, pool_size=THREADS)

        @self.route(TEMPLATE)
        def document(id: str) -> dict[str, str]:  # noqa: A002  the path's name for it
            with engine.connect() as connection:
                row = connection.execute(DOCUMENT, {"id": id}).mappings().one()
            return {name: str(value) for name, value in row.items()}

    @property
    def current_request(self) -> Request | None:
        return getattr(self._of_thread, "request", None)

    @current_request.setter
    def current_request(self, request: Request | None) -> None:
        self._of_thread.request = request


def app(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
    """The WSGI application of `gunicorn benchmarks.ledger.sketch:app`."""
    path = environ["PATH_INFO"]
    answer = _of_process()(
        {
            "path": path,
            "headers": {name[5:].lower(): value for name, value in environ.items() if name.startswith("HTTP_")},
            "multiValueQueryStringParameters": None,
            "pathParameters": {"id": path.rpartition("/")[2]},
            "stageVariables": None,
            "requestContext": {"httpMethod": "GET", "resourcePath": TEMPLATE, "identity": {}},
            "body": None,
            "isBase64Encoded": False,
        },
        None,
    )
    body = answer["body"].encode()
    start(f"{answer['statusCode']} OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


@once
def _of_process() -> Sketch:
    return Sketch(os.environ["SKETCH_DATABASE_URL"])


@contextmanager
def beside(house: House) -> Iterator[House]:
    """The house with the sketch at its door, on the same database. Raises: RuntimeError with what it said."""
    port, url = free_port(), sa.make_url(house.database_url).set(drivername="postgresql+psycopg2")
    command = [sys.executable, "-m", "gunicorn", "--worker-class", "gthread", "--workers", str(WORKERS), "--threads", str(THREADS)]
    options = ["--keep-alive", "75", "--no-control-socket", "--bind", f"127.0.0.1:{port}", "benchmarks.ledger.sketch:app"]
    environ = os.environ | {"SKETCH_DATABASE_URL": url.render_as_string(hide_password=False), "PYTHONPATH": f"{ROOT}:{ROOT / 'layers'}"}
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen([*command, *options], env=environ, cwd=ROOT, stdout=said, stderr=said)
        try:
            if not _is_there(port, process):
                said.seek(0)
                raise RuntimeError(f"The sketch did not start: {said.read()[-1000:]}")
            yield replace(house, port=port)
        finally:
            end(process)


def _is_there(port: int, process: subprocess.Popen[bytes]) -> bool:
    ends = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < ends:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return True
        time.sleep(0.05)
    return False
