"""What every running store gives a test, and what starting one needs."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import requests
from botocore.config import Config

ROOT = Path(__file__).parents[3]
BINARIES = ROOT / ".cache" / "bin"
START_SECONDS = 60.0
STOP_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Store:
    """A running store and keys that may do everything in it."""

    name: str
    url: str
    access_key: str
    secret_key: str
    region: str
    log: Path  # what its server says
    pids: tuple[int, ...]  # its processes; the last one answers S3

    def client(self, service: str = "s3") -> Any:
        """boto3's client of `s3`, `sqs` or `sns` on this store."""
        return boto3.session.Session().client(
            service,
            endpoint_url=self.url,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(
                signature_version="s3v4" if service == "s3" else None, s3={"addressing_style": "path"}, retries={"max_attempts": 2}
            ),
        )

    def new_bucket(self) -> str:
        name = f"bucket-{uuid.uuid4().hex}"
        client = self.client()
        client.create_bucket(Bucket=name)
        client.close()
        return name

    def environ(self, bucket: str) -> dict[str, str]:
        """The variables an operator would set for this store."""
        return {
            "S3_BUCKET": bucket,
            "S3_ENDPOINT_URL": self.url,
            "S3_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
        }


def bare_environ(**more: str) -> dict[str, str]:
    """PATH only, and what is given: no key, proxy or endpoint of the shell reaches a server."""
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **more}


@contextmanager
def running(command: list[str], environ: Mapping[str, str], log: Path, cwd: Path) -> Iterator[subprocess.Popen[bytes]]:
    """One server, ended by SIGTERM and, where it does not obey, by SIGKILL."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=dict(environ), cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGCONT)  # a test may have held it
    process.terminate()
    try:
        process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def await_answer(
    process: subprocess.Popen[bytes], url: str, log: Path, accept: Callable[[requests.Response], bool] = lambda r: r.ok
) -> None:
    """Return when `url` answers as it should."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            if accept(requests.get(url, timeout=2)):
                return
        except requests.RequestException:
            pass
        time.sleep(0.05)
    raise AssertionError(f"{process.args!r} did not start ({process.poll()}): {log.read_text('utf-8', 'replace')[-2000:]}")
