"""One execution environment of a function: AWS's Runtime Interface Emulator, awslambdaric and our handler in a sandbox."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import requests

from tests.support.aws.processes import cpu_seconds, descendants, send
from tests.support.aws.sandbox import sandboxed
from tests.support.ports import free_port
from tests.support.stores.store import BINARIES, ROOT

INVOKE = "2015-03-31/functions/function/invocations"
START_SECONDS = 30.0
STOP_SECONDS = 10.0
RESPONSE_BYTES = 6 * 1024 * 1024 + 100  # what Lambda's synchronous answers may be


@dataclass(frozen=True, slots=True)
class Image:
    """What a function is made of, and what its configuration says."""

    name: str
    handler: str
    python: Path  # the interpreter that has awslambdaric
    environ: Mapping[str, str]
    timeout: int  # seconds
    memory: int  # MB; only told to the function
    path: Sequence[str]  # its PYTHONPATH
    binds: Mapping[str, Path]  # what of this machine's files it has, and where

    def variables(self) -> dict[str, str]:
        """What Lambda sets, and what the operator did; nothing of this process's own."""
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "PYTHONPATH": ":".join(self.path),
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(self.timeout),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory),
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "AWS_LAMBDA_LOG_LEVEL": "INFO",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            **self.environ,
        }


@dataclass
class Environment:
    """One call at a time: concurrent ones end the emulator (aws-lambda-runtime-interface-emulator#97).

    Between calls its processes are frozen, as Lambda does.
    """

    image: Image
    log: Path
    port: int = field(default_factory=free_port)
    calls: int = 0
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return when the emulator listens. As on Lambda, the function's modules are loaded for the first call."""
        emulator = ["--runtime-api-address", f"127.0.0.1:{free_port()}", "--runtime-interface-emulator-address", f"127.0.0.1:{self.port}"]
        command = [str(BINARIES / "aws-lambda-rie"), *emulator, str(self.image.python), "-m", "awslambdaric", self.image.handler]
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                sandboxed(command, self.image.variables(), self._binds()),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=ROOT,
            )
        self._await_port()

    def _binds(self) -> dict[str, Path]:
        """The image's, the emulator, and the interpreter with what it stands on."""
        home = self.image.python.parents[1]
        base = Path(os.path.realpath(self.image.python)).parents[1]
        return {**{str(folder): folder for folder in (BINARIES, home, base) if not folder.is_relative_to("/usr")}, **self.image.binds}

    @property
    def first_pid(self) -> int:
        """Of the emulator, whose end ends the sandbox."""
        assert self._process is not None, "not started"
        return (descendants(self._process.pid) or [self._process.pid])[0]

    @property
    def pids(self) -> list[int]:
        """The runtime, and its children."""
        return descendants(self.first_pid)

    @property
    def cpu_seconds(self) -> float:
        return cpu_seconds([self.first_pid, *self.pids])

    def invoke(self, event: bytes, seconds: float) -> requests.Response:
        """What the emulator answered. Raises: requests.RequestException where it died, or `seconds` are over."""
        self.thaw()
        self.calls += 1
        try:
            return requests.post(f"http://127.0.0.1:{self.port}/{INVOKE}", data=event, timeout=seconds)
        finally:
            self.freeze()

    def freeze(self) -> None:
        send(self.pids, signal.SIGSTOP)

    def thaw(self) -> None:
        send(self.pids, signal.SIGCONT)

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """As Lambda does with an environment it no longer needs: everything in it is killed."""
        if self._process is None:
            return
        if self.alive():
            send([self.first_pid], signal.SIGKILL)  # the first of its namespace: the kernel ends all others, and unshare follows
        self._process.wait(timeout=STOP_SECONDS)
        self._process = None

    def _await_port(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.alive():
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.01)
            else:
                return
        raise AssertionError(f"{self.image.name} did not start: {self.log.read_text('utf-8', 'replace')[-2000:]}")
