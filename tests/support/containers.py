"""Our images as podman runs them here: on the host's network and 127.0.0.1 only, read-only, without root, with limits.

The images are built by `tests/system/need images`, which also writes the settings that podman needs on a machine like this.
"""

from __future__ import annotations

import os
import subprocess
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docusnap
import requests

from tests.support.ports import free_port
from tests.support.stores.store import ROOT
from tests.support.waiting import eventually

START_SECONDS = 60.0
HARDENED = ("--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges", "--network", "host")


def podman(*words: str, check: bool = True, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Raises: AssertionError with what podman said."""
    settings = {"CONTAINERS_CONF": str(ROOT / ".cache/containers.conf")}
    done = subprocess.run(["podman", *words], env={**settings, **os.environ}, capture_output=True, text=True, check=False, timeout=timeout)
    assert done.returncode == 0 or not check, f"podman {' '.join(words)}: {done.stderr[-2000:]}"
    return done


def image(target: str) -> str:
    return f"localhost/docusnap-{target}:{docusnap.__version__}"


@dataclass
class Container:
    """A container of one function; it may be killed and started again, on the same port and under the same name."""

    function: str
    environ: Mapping[str, str]
    secrets: Path  # a folder whose files hold the secrets, found at /run/secrets
    memory: str = "512m"
    port: int = field(default_factory=free_port)
    name: str = ""

    def __post_init__(self) -> None:
        self.name = self.name or f"docusnap-test-{uuid.uuid4().hex[:8]}-{self.function}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Return when it is ready for requests."""
        podman("run", "--detach", *self._words())
        eventually(self._ready, f"{self.function} is ready", START_SECONDS)

    def create(self) -> None:
        """As `start` does, but without starting it."""
        podman("create", *self._words())

    def _words(self) -> list[str]:
        own = {"FUNCTION": self.function, "HOST": "127.0.0.1", "PORT": str(self.port)}
        variables = [word for name, value in {**self.environ, **own}.items() for word in ("--env", f"{name}={value}")]
        limits = ("--memory", self.memory, "--memory-swap", self.memory)
        mounts = ("--volume", f"{self.secrets}:/run/secrets:ro")
        return ["--name", self.name, *HARDENED, *limits, *mounts, *variables, image(_target(self.function))]

    def kill(self) -> None:
        """As the kernel does when memory is short: SIGKILL to all of it."""
        podman("kill", "--signal", "KILL", self.name)
        self._remove()

    def stop(self) -> int:
        """SIGTERM and ten seconds, as every orchestrator does; the exit code."""
        podman("stop", "--time", "10", self.name)
        code = int(self.state()["exit"])
        self._remove()
        return code

    @property
    def log(self) -> str:
        done = podman("logs", self.name, check=False)
        return done.stdout + done.stderr

    def state(self) -> dict[str, Any]:
        words = podman("inspect", "--format", "{{.State.Running}} {{.State.OOMKilled}} {{.State.ExitCode}}", self.name).stdout.split()
        return dict(zip(("running", "oom", "exit"), words, strict=True))

    def remove(self) -> None:
        podman("rm", "--force", "--time", "0", "--ignore", self.name, check=False)

    def _remove(self) -> None:
        podman("rm", "--force", "--time", "0", "--ignore", self.name)

    def _ready(self) -> bool:
        if self.state()["running"] != "true":
            raise AssertionError(f"{self.function} ended: {self.log[-2000:]}")
        try:
            return requests.get(f"{self.url}/_/ready", timeout=2).ok
        except requests.RequestException:
            return False


def _target(function: str) -> str:
    return "ocr" if function == "ocr" else "functions"


def admin(environ: Mapping[str, str], secrets: Path, *words: str) -> str:
    """One command of the admin image; what it printed."""
    variables = [word for name, value in environ.items() for word in ("--env", f"{name}={value}")]
    return podman("run", "--rm", *HARDENED, "--volume", f"{secrets}:/run/secrets:ro", *variables, image("admin"), *words).stdout.strip()


@contextmanager
def schedule(url: str, seconds: float) -> Iterator[None]:
    """POST to a function every so many seconds, as a cron does, and survive what it answers."""
    ended = threading.Event()

    def call() -> None:
        while not ended.wait(seconds):
            try:
                requests.post(url, json={}, timeout=60)
            except requests.RequestException:
                continue

    thread = threading.Thread(target=call)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
