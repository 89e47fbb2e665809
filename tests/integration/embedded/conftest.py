"""A real stack in a home of its own, started as its users start it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from docusnap.hosts.embedded import processes
from docusnap.hosts.embedded.home import read_values
from docusnap.hosts.embedded.processes import Kin

from tests.support.ports import free_port

DOCUSNAP = Path(sys.executable).with_name("docusnap")
RUNNING = "DocuSnap is running."
OURS = ("DATABASE_URL", "S3_", "AWS_", "DOCUSNAP_", "EVENTS_TOKEN", "OCR_", "MAX_", "MAKE", "MFLAGS")


def until(condition: Callable[[], object], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds:.0f} s"
        time.sleep(0.05)


def clean_environ(**variables: str) -> dict[str, str]:
    """The test runner's own, less what would configure a stack."""
    return {**{name: value for name, value in os.environ.items() if not name.startswith(OURS)}, **variables}


@dataclass
class House:
    """One home with its ports, and what runs on it."""

    folder: Path
    port: int = field(default_factory=free_port)
    s3_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def output(self) -> str:
        path = self.folder / "output"
        return path.read_text("utf-8") if path.exists() else ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def kin(self) -> Kin:
        return Kin(self.home, self.home / "postgres")

    def environ(self, **variables: str) -> dict[str, str]:
        own = {"DOCUSNAP_HOME": str(self.home), "DOCUSNAP_PORT": str(self.port), "DOCUSNAP_S3_PORT": str(self.s3_port)}
        return clean_environ(**own | variables)

    def start(self, argv: Sequence[str | Path] = (DOCUSNAP, "up"), cwd: Path | None = None, until_it_says: str = RUNNING) -> None:
        """Start it in a process group of its own, and return when it says so."""
        with (self.folder / "output").open("wb") as out:
            self.process = subprocess.Popen(
                argv,
                env=self.environ(),
                cwd=cwd or self.folder,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=processes._die_with_parent(os.getpid(), signal.SIGTERM),  # noqa: PLW1509  a killed test run leaves nothing
            )
        until(lambda: until_it_says in self.output or self.ended(), "the start")
        assert until_it_says in self.output, self.output

    def ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def stop(self, signum: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(signum)
        return self.process.wait(timeout=15)

    def run(self, *words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """One command beside the stack."""
        return subprocess.run(
            [DOCUSNAP, *words], env=self.environ(**variables), cwd=self.folder, capture_output=True, text=True, check=False, timeout=90
        )

    def open_ports(self) -> list[int]:
        return [port for port in (self.port, self.s3_port) if _open(port)]

    def key(self) -> str:
        return (self.home / "api-key").read_text().strip()

    def s3(self) -> dict[str, str]:
        return read_values(self.home / "s3.env")

    def get(self, path: str) -> requests.Response:
        return requests.get(f"{self.url}{path}", headers={"Authorization": f"Bearer {self.key()}"}, timeout=30)

    def kill_everything(self) -> None:
        """kill -9 of the supervisor first, then of all its programs."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.kin.kill()
        self.process.wait(timeout=15)


def _open(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def house() -> Iterator[House]:
    yield from inhabited()


@pytest.fixture(scope="module")
def running() -> Iterator[House]:
    """A stack that was started for the first time, shared by the tests that leave it running."""
    for found in inhabited():
        found.start()
        yield found
        assert found.stop() == 0


def inhabited() -> Iterator[House]:
    # Not under pytest's own folder: each pytest that starts closes that one to PostgreSQL's user, which root's database runs as.
    with tempfile.TemporaryDirectory(prefix="docusnap-up-") as folder:
        found = House(Path(folder))
        yield found
        if found.process is not None and not found.ended():
            os.killpg(found.process.pid, signal.SIGKILL)
            found.process.wait(timeout=15)
        found.kin.kill()
