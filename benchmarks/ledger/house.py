"""A stack of the benchmark's own, in a folder that goes with it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from docusnap.hosts.embedded.home import read_values
from docusnap.hosts.embedded.processes import Kin
from docusnap.migrations import migrate

from benchmarks.engine.runs import ROOT

START_SECONDS = 90.0
OURS = ("DATABASE_URL", "S3_", "AWS_", "DOCUSNAP_", "EVENTS_TOKEN", "OCR_", "MAX_", "MAKE", "MFLAGS")  # what would configure a stack
PARTS = ("gateway", "worker", "sweep", "store", "database")


@dataclass(frozen=True, slots=True)
class House:
    """A running stack."""

    home: Path
    port: int
    s3_url: str
    database_url: str
    key: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def store(self) -> dict[str, str]:
        """S3_BUCKET and the keys."""
        return read_values(self.home / "s3.env")

    def database(self, name: str) -> str:
        """The URL of another database on the same server, made and migrated here, of which the stack knows nothing."""
        base = sa.make_url(self.database_url).set(drivername="postgresql+psycopg2")
        with sa.create_engine(base, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool).connect() as connection:
            connection.execute(sa.text(f'CREATE DATABASE "{name}"'))
        url = base.set(database=name).render_as_string(hide_password=False)
        migrate(url)
        return url

    def cpu(self, part: str) -> float:
        """Seconds that the living processes of a part have used, with what they reaped."""
        return sum(cpu_of(pid) for pid in self.pids(part))

    def pids(self, part: str) -> list[int]:
        """The processes of one of PARTS with all that they started."""
        return Kin(self.home, self.home / "postgres").alive(part)


@contextmanager
def running(**variables: str) -> Iterator[House]:
    """Start a stack with the trivial engine, and end it with all its data. Raises: RuntimeError with what it said."""
    # PostgreSQL runs as a user of its own where we are root, and must get through to its folder.
    with tempfile.TemporaryDirectory(prefix="docusnap-bench-", ignore_cleanup_errors=True) as folder:
        home = Path(folder) / "home"
        home.mkdir(mode=0o700)
        (home / "sample-sent").touch()
        environ = {**_environ(), "DOCUSNAP_HOME": str(home), "DOCUSNAP_PORT": str(free_port()), "DOCUSNAP_S3_PORT": str(free_port())}
        with (Path(folder) / "output").open("w+b") as out:
            command = [sys.executable, "-m", "benchmarks.ledger.up"]
            process = subprocess.Popen(command, env=environ | variables, cwd=ROOT, stdout=out, stderr=out, start_new_session=True)
            try:
                yield _ready(process, home, Path(folder) / "output")
            finally:
                end(process)
                Kin(home, home / "postgres").kill()


def _environ() -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return kept | {"PYTHONPATH": f"{ROOT}:{ROOT / 'layers'}"}


def _ready(process: subprocess.Popen[bytes], home: Path, output: Path) -> House:
    ends = time.monotonic() + START_SECONDS
    while "DocuSnap is running." not in (said := output.read_text("utf-8")):
        if process.poll() is not None or time.monotonic() > ends:
            raise RuntimeError(f"The stack did not start: {said}")
        time.sleep(0.05)
    about = json.loads((home / "run.json").read_text("utf-8"))
    return House(home, about["port"], about["s3_url"], about["database_url"], (home / "api-key").read_text("utf-8").strip())


def end(process: subprocess.Popen[bytes]) -> None:
    """By SIGTERM, and where that does not help by SIGKILL."""
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def cpu_of(pid: int) -> float:
    """Of a process and the children it has reaped; 0 where it has gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])
