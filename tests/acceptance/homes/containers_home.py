"""Our images behind nginx, with the real MinIO server and Debian's PostgreSQL 15: what runs on any HTTP FaaS, without one.

What it needs is brought by tests/system/acceptance-containers.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from tests.acceptance.homes.base import has_object, minio_event
from tests.support.containers import Container, admin, schedule
from tests.support.debian_postgres import running_postgres
from tests.support.nginx import running_nginx
from tests.support.ports import free_port
from tests.support.stores import Store, running_minio
from tests.support.waiting import eventually

BUCKET = "docusnap"
FUNCTIONS = ("query", "upload", "intake", "ocr", "sweep")
MEMORY = {"ocr": "1536m"}
SWEEP_SECONDS = 10.0
SECRETS = ("DATABASE_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "EVENTS_TOKEN")


@dataclass
class ContainersHome:
    """Five containers, and what they work with."""

    folder: Path
    write_once: bool = True
    patience: float = 180.0
    api: str = ""
    key: str = ""
    other_key: str = ""
    containers: dict[str, Container] = field(default_factory=dict)
    _store: Store | None = None
    _store_port: int = field(default_factory=free_port)
    _api_port: int = field(default_factory=free_port)
    _token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    _running_store: ExitStack = field(default_factory=ExitStack)

    @property
    def store(self) -> Store:
        assert self._store is not None, "not started"
        return self._store

    @property
    def secrets(self) -> Path:
        return self.folder / "secrets"

    def start(self, held: ExitStack) -> None:
        """Everything that `held` ends: database, store, containers, nginx; then the store is told where its events go."""
        self.api = f"http://127.0.0.1:{self._api_port}"
        database_url = held.enter_context(running_postgres(self.folder / "postgres"))
        held.callback(self._running_store.close)
        self.start_store()
        self._write_secrets(database_url)
        self._prepare()
        self._start_containers(held)
        ports = {name: self.containers[name].port for name in ("query", "upload", "intake")}
        held.enter_context(running_nginx(self.folder / "nginx", ports, port=self._api_port))
        held.enter_context(schedule(self.containers["sweep"].url, SWEEP_SECONDS))
        eventually(lambda: requests.get(f"{self.api}/readyz", timeout=10).ok, "/readyz is 200", 60)

    def put_foreign(self, key: str, body: bytes) -> None:
        self.store.client().put_object(Bucket=BUCKET, Key=key, Body=body)

    def has_object(self, key: str) -> bool:
        return has_object(self.store.client(), BUCKET, key)

    def repeat_event(self, key: str) -> None:
        event = minio_event(self.store.client(), BUCKET, key)
        requests.post(f"{self.api}/events/s3/{self._token}", json=event, timeout=30).raise_for_status()

    def stop_store(self) -> None:
        """kill -9: nobody starts it again."""
        os.kill(self.store.pids[0], signal.SIGKILL)
        self._running_store.close()

    def start_store(self) -> None:
        """MinIO on its old port and folder; it keeps undelivered events on disk, as the docs tell operators to set it up."""
        webhook = f"{self.api}/events/s3"
        running = running_minio(self.folder / "minio", webhook=webhook, token=self._token, queue=True, port=self._store_port)
        self._store = self._running_store.enter_context(running)

    def _write_secrets(self, database_url: str) -> None:
        """One file each, as orchestrators mount them, open to the containers' user."""
        self.secrets.mkdir()
        values = (database_url, self.store.access_key, self.store.secret_key, self._token)
        for name, value in zip(SECRETS, values, strict=True):
            (self.secrets / name).write_text(f"{value}\n", "utf-8")

    def _environ(self) -> dict[str, str]:
        files = {f"{name}_FILE": f"/run/secrets/{name}" for name in SECRETS}
        return {**files, "S3_BUCKET": BUCKET, "S3_ENDPOINT_URL": self.store.url, "TRUSTED_PROXIES": "127.0.0.1"}

    def _prepare(self) -> None:
        """By the admin image, as an operator would: the schema, two keys, the bucket and its notification."""
        admin(self._environ(), self.secrets, "migrate")
        self.key = admin(self._environ(), self.secrets, "keys", "create", "--tenant", "default", "--scope", "user", "--scope", "operator")
        self.other_key = admin(self._environ(), self.secrets, "keys", "create", "--tenant", "other")
        admin(self._environ(), self.secrets, "provision", "--kind", "minio")

    def _start_containers(self, held: ExitStack) -> None:
        ocr_port = free_port()
        environ = {**self._environ(), "OCR_URL": f"http://127.0.0.1:{ocr_port}/"}
        for function in FUNCTIONS:
            port = ocr_port if function == "ocr" else free_port()
            container = Container(function, environ, self.secrets, MEMORY.get(function, "512m"), port)
            self.containers[function] = container
            held.callback(container.remove)
            container.start()


@contextmanager
def opened() -> Iterator[ContainersHome]:
    """All of it, in a folder that PostgreSQL's, nginx's and the containers' users can reach."""
    folder = Path(tempfile.mkdtemp(prefix="docusnap-"))
    folder.chmod(0o755)
    home = ContainersHome(folder)
    with ExitStack() as held:
        held.callback(shutil.rmtree, folder, ignore_errors=True)
        home.start(held)
        held.callback(keep_logs, home.containers, os.environ)
        yield home


def keep_logs(containers: Mapping[str, Container], environ: Mapping[str, str]) -> None:
    """For whoever looks into a failure: what the containers said goes to the folder DOCUSNAP_TEST_LOGS."""
    if folder := environ.get("DOCUSNAP_TEST_LOGS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        for function, container in containers.items():
            (Path(folder) / f"{function}.log").write_text(container.log, "utf-8")
