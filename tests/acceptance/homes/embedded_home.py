"""`docusnap up`: the embedded store and database, one tree of processes."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import minio
import requests
from docusnap.hosts.embedded.home import read_values
from docusnap.hosts.embedded.processes import Kin

from tests.acceptance.homes.base import ROOT, has_object, minio_event, s3_client
from tests.support.ports import free_port

DOCUSNAP = Path(sysconfig.get_path("scripts")) / "docusnap"
OURS = ("DATABASE_URL", "S3_", "AWS_", "DOCUSNAP_", "EVENTS_TOKEN", "OCR_", "MAX_")
START_SECONDS = 60.0


@dataclass
class EmbeddedHome:
    """A stack on a folder and ports of its own; `start` may be called again after `kill_everything`."""

    folder: Path
    port: int = field(default_factory=free_port)
    s3_port: int = field(default_factory=free_port)
    other_key: str = ""
    write_once: bool = False  # JuiceFS's gateway ignores If-None-Match
    patience: float = 120.0
    _process: subprocess.Popen[bytes] | None = None

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def key(self) -> str:
        return (self.home / "api-key").read_text().strip()

    @property
    def screen(self) -> str:
        return (self.folder / "screen").read_text("utf-8")

    @property
    def s3_keys(self) -> dict[str, str]:
        return read_values(self.home / "s3.env")

    @property
    def kin(self) -> Kin:
        return Kin(self.home, self.home / "postgres")

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "not started"
        return self._process

    def start(self) -> None:
        """Return when /readyz is 200."""
        with (self.folder / "screen").open("ab") as screen:
            self._process = subprocess.Popen([DOCUSNAP, "up"], env=self._environ(), stdout=screen, stderr=screen, cwd=ROOT)
        deadline = time.monotonic() + START_SECONDS
        while not _answers(f"{self.api}/readyz"):
            assert self._process.poll() is None, self.screen
            assert time.monotonic() < deadline, self.screen
            time.sleep(0.02)
        assert (self.home / "api-key").stat().st_mode & 0o777 == 0o600, "the key is there before /readyz is 200"

    def stop(self) -> None:
        """SIGTERM, as Ctrl-C does it: exit 0 within 15 s, and nothing is left."""
        self.process.send_signal(signal.SIGCONT)  # a test that failed may have left it held
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=15) == 0, self.screen
        assert self.kin.alive() == []

    def kill_everything(self) -> None:
        """As an operator's worst day: the supervisor, and every process that works for this home."""
        self.process.kill()
        self.process.wait()
        self.kin.kill()

    def new_key(self, tenant: str) -> str:
        command = [DOCUSNAP, "keys", "create", "--tenant", tenant]
        return subprocess.run(command, env=self._environ(), cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout.strip()

    def put_foreign(self, key: str, body: bytes) -> None:
        keys = self.s3_keys
        client = minio.Minio(f"127.0.0.1:{self.s3_port}", keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], secure=False)
        client.put_object(keys["S3_BUCKET"], key, io.BytesIO(body), len(body))

    def has_object(self, key: str) -> bool:
        return has_object(self._s3(), self.s3_keys["S3_BUCKET"], key)

    def repeat_event(self, key: str) -> None:
        event = minio_event(self._s3(), self.s3_keys["S3_BUCKET"], key)
        token = (self.home / "events-token").read_text().strip()
        requests.post(f"{self.api}/events/s3", json=event, headers={"Authorization": f"Bearer {token}"}, timeout=30).raise_for_status()

    def stop_store(self) -> None:
        """kill -9, while the supervisor, which would start it again within half a second, is held."""
        self.process.send_signal(signal.SIGSTOP)
        self.kin.kill("store")

    def start_store(self) -> None:
        """The supervisor goes on and finds it dead."""
        self.process.send_signal(signal.SIGCONT)
        deadline = time.monotonic() + START_SECONDS
        while not _answers(f"http://127.0.0.1:{self.s3_port}/minio/health/live"):
            assert time.monotonic() < deadline, self.screen
            time.sleep(0.05)

    def _s3(self) -> Any:
        keys = self.s3_keys
        return s3_client(f"http://127.0.0.1:{self.s3_port}", keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"])

    def _environ(self) -> dict[str, str]:
        own = {"DOCUSNAP_HOME": str(self.home), "DOCUSNAP_PORT": str(self.port), "DOCUSNAP_S3_PORT": str(self.s3_port)}
        return {**{name: value for name, value in os.environ.items() if not name.startswith(OURS)}, **own}


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


@contextmanager
def opened() -> Iterator[EmbeddedHome]:
    """A first start, with a second tenant."""
    folder = Path(tempfile.mkdtemp(prefix="docusnap-"))  # not pytest's: as root, PostgreSQL's user must get through to it
    found = EmbeddedHome(folder)
    try:
        found.start()
        found.other_key = found.new_key("other")
        yield found
        found.stop()
    finally:
        if found._process is not None:
            found.kill_everything()
        shutil.rmtree(folder)
