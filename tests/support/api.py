"""The gateway as operators run it: gunicorn on a free port, over a real database and a real store."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
EVENTS_TOKEN = "the-events-token"


@dataclass(frozen=True, slots=True)
class Server:
    """A running gateway or worker."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.call("GET", path, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return self.call("POST", path, **options)

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        return requests.request(method, self.url + path, timeout=40, allow_redirects=False, **options)


@dataclass(frozen=True, slots=True)
class Tenant:
    """A server as the holder of one key sees it."""

    server: Server
    key: str

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.call("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> requests.Response:
        return self.call("POST", path, json=json, **options)

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.key}", **options.pop("headers", {})}
        return self.server.call(method, path, headers=headers, **options)

    def create(self, **members: Any) -> dict[str, Any]:
        body = {"filename": "scan.png", "content_type": "image/png", "size": 3, **members}
        answer = self.post("/v1/documents", {name: value for name, value in body.items() if value is not None})
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created

    def send(self, data: bytes = b"abc", **members: Any) -> str:
        """Create a document and PUT its bytes; nobody is told."""
        created = self.create(size=len(data), **members)
        upload = created["upload"]
        put = requests.put(upload["url"], data=data, headers=upload["headers"], timeout=20)
        assert put.status_code == 200, put.text
        return str(created["id"])

    def notify(self, *keys: str, bucket: str) -> requests.Response:
        """Tell intake about objects, as MinIO would."""
        records = [
            {"eventSource": "minio:s3", "eventName": "s3:ObjectCreated:Put", "s3": {"bucket": {"name": bucket}, "object": {"key": key}}}
            for key in keys
        ]
        return self.server.post("/events/s3", json={"Records": records}, headers={"Authorization": f"Bearer {EVENTS_TOKEN}"})


@contextmanager
def serve(
    folder: Path, environ: Mapping[str, str], app: str = "docusnap.hosts.gateway:app", *, port: int | None = None
) -> Iterator[Server]:
    """Start gunicorn with the shipped settings and these variables alone, and end it."""
    port = port or free_port()
    metrics = folder / "metrics"
    metrics.mkdir(exist_ok=True)
    log = folder / "server.log"
    command = [sys.executable, "-m", "gunicorn", "--config", "python:docusnap.hosts.gunicorn_conf"]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--bind", f"127.0.0.1:{port}", app],
            env={"PATH": os.environ["PATH"], "EVENTS_TOKEN": EVENTS_TOKEN, "PROMETHEUS_MULTIPROC_DIR": str(metrics), **environ},
            cwd=ROOT,
            stdout=out,
            stderr=out,
        )
    server = Server(f"http://127.0.0.1:{port}", process, log)
    try:
        _await(server)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=20)


def _await(server: Server) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert server.process.poll() is None, server.log.read_text()
        try:
            if server.get("/_/health").ok:
                return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise AssertionError("the server did not start within 30 s")
