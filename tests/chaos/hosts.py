"""A second host: a network namespace with one cable to the stack's, in which another `ocr` worker runs, served by the HTTP host.

Ledger and store are reached through relays on the stack's end of the cable, as a database and a store on another machine are.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import requests
from docusnap.hosts.embedded.processes import Kin, mark

from tests.acceptance.homes.base import ROOT
from tests.acceptance.homes.embedded_home import EmbeddedHome
from tests.chaos.flight import Flight
from tests.support.relay import relayed, to_port, to_socket
from tests.support.waiting import eventually

PORT = 8080
SOCKET = ".s.PGSQL.5432"


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@dataclass
class Host:
    """One machine with a worker. `name` is its namespace's and its writer's name, `number` makes its addresses."""

    name: str
    number: int
    folder: Path
    home: EmbeddedHome
    flight: Flight
    process: subprocess.Popen[bytes] | None = None
    _awake: threading.Event = field(default_factory=threading.Event)
    _end: threading.Event = field(default_factory=threading.Event)

    @property
    def stack_address(self) -> str:
        return f"10.231.{self.number}.1"

    @property
    def address(self) -> str:
        return f"10.231.{self.number}.2"

    @property
    def cable(self) -> str:
        return f"chaos{self.number}"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8", "replace")

    @property
    def kin(self) -> Kin:
        return Kin(self.folder, self.folder / "no-database")

    def connect(self) -> None:
        ip("netns", "add", self.name)
        ip("link", "add", self.cable, "type", "veth", "peer", "name", "cable", "netns", self.name)
        ip("addr", "add", f"{self.stack_address}/30", "dev", self.cable)
        ip("link", "set", self.cable, "up")
        for words in (("addr", "add", f"{self.address}/30", "dev", "cable"), ("link", "set", "cable", "up"), ("link", "set", "lo", "up")):
            ip("-n", self.name, *words)

    def disconnect(self) -> None:
        ip("link", "del", self.cable)
        ip("netns", "del", self.name)

    def start(self, database_port: int, store_port: int) -> None:
        """Return when it is ready."""
        self.folder.mkdir()
        command = (sys.executable, "-m", "gunicorn", "--config", "python:docusnap.hosts.gunicorn_conf", "docusnap.hosts.function:app")
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", self.name, *command],
                env=self._environ(database_port, store_port),
                cwd=ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        eventually(lambda: self._answers("GET", "/_/ready", 2.0), f"{self.name} is ready", 60)
        threading.Thread(target=self._wake_again_and_again, daemon=True).start()

    def _environ(self, database_port: int, store_port: int) -> dict[str, str]:
        keys, (name, _, value) = self.home.s3_keys, mark(self.folder, "worker").partition("=")
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT}:{ROOT / 'layers'}",
            "FUNCTION": "ocr",
            "HOST": self.address,
            "PORT": str(PORT),
            "OCR_FANOUT": "1",  # one lease at a time, so that it is known what it holds
            "MAX_INFLIGHT": "1",
            "DATABASE_URL": f"postgresql://docusnap@{self.stack_address}:{database_port}/docusnap?application_name={self.name}",
            "S3_ENDPOINT_URL": f"http://{self.stack_address}:{store_port}",
            "SCRATCH_DIR": str(self.folder / "scratch"),
            name: value,
            **keys,
        }

    def wake(self, awake: bool) -> None:
        """Whether it is given wakes, as by a load balancer between two workers."""
        self._awake.set() if awake else self._awake.clear()

    def _wake_again_and_again(self) -> None:
        while not self._end.wait(0.2):
            if self._awake.is_set():
                self._answers("POST", "/", 60.0)

    def _answers(self, method: str, path: str, seconds: float) -> bool:
        try:
            return requests.request(method, f"http://{self.address}:{PORT}{path}", json={}, timeout=(1, seconds)).ok
        except requests.RequestException:
            return False

    def hold_a_page(self) -> None:
        """Have it claim a page and not finish it: its recogniser is held meanwhile."""
        eventually(lambda: self._signal(signal.SIGSTOP, "engine_process"), f"{self.name} has a recogniser", 60)
        self.wake(True)
        eventually(lambda: self.flight.held(self.name, 30, pages_only=True), f"{self.name} holds a page", 60)
        self.wake(False)

    def freeze(self) -> None:
        """As a virtual machine that is paused: every process of it, and no time passes for it."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def unplug(self) -> None:
        ip("link", "set", self.cable, "down")

    def plug_in(self) -> None:
        ip("link", "set", self.cable, "up")

    def _signal(self, signum: signal.Signals, of: str = "") -> int:
        """How many processes got it."""
        pids = [pid for pid in self.kin.alive() if of in cmdline(pid)]
        tell(pids, signum)
        return len(pids)

    def stop(self) -> None:
        """SIGTERM, as any platform does; nothing may be left."""
        self._end.set()
        if self.process is not None and self.process.poll() is None:
            self.go_on()
            self.process.terminate()
            self.process.wait(timeout=20)
        eventually(lambda: not self.kin.alive(), f"nothing is left of {self.name}", 10)


def tell(pids: Sequence[int], signum: signal.Signals) -> None:
    """A signal to each that is still there."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signum)


def cmdline(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


@contextmanager
def running(name: str, number: int, home: EmbeddedHome, flight: Flight) -> Iterator[Host]:
    """A host that is ready to work."""
    host = Host(name, number, home.folder / name, home, flight)
    host.connect()
    try:
        database = to_socket(str(home.home / "sockets" / SOCKET))
        with relayed(database, host.stack_address) as ledger, relayed(to_port(home.s3_port), host.stack_address) as store:
            try:
                host.start(ledger.port, store.port)
                yield host
            finally:
                host.stop()
    finally:
        host.disconnect()
