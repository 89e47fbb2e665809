"""Debian's PostgreSQL 15 on a port of 127.0.0.1 with a password, for what runs in containers. Brought by `tests/system/need postgresql`."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.ports import free_port
from tests.support.stores.store import bare_environ

BIN = Path("/usr/lib/postgresql/15/bin")
START_SECONDS = 60.0
# It refuses root: then it runs as Debian's own user.
AS_POSTGRES = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"] if os.geteuid() == 0 else []


@contextmanager
def running_postgres(folder: Path) -> Iterator[str]:
    """The URL of an empty database; `folder` must be open to Debian's user postgres."""
    port, password = free_port(), secrets.token_hex(16)
    data = _initialised(folder, password)
    options = ("-c", "listen_addresses=127.0.0.1", "-c", f"port={port}", "-c", "unix_socket_directories=", "-c", "fsync=off")
    with (folder / "postgres.log").open("ab") as log:
        server = subprocess.Popen(
            [*AS_POSTGRES, BIN / "postgres", "-D", data, *options], env=bare_environ(), cwd=folder, stdout=log, stderr=log
        )
    try:
        _await(server, port, folder / "postgres.log")
        yield f"postgresql://docusnap:{password}@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGINT)  # fast: it waits for no client
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            server.send_signal(signal.SIGQUIT)
            server.wait()


def _initialised(folder: Path, password: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    secret = folder / "password"
    secret.write_text(password, "ascii")
    if AS_POSTGRES:
        for path in (folder, secret):
            shutil.chown(path, "postgres", "postgres")
    data = folder / "data"
    options = ("--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256", "-U", "docusnap", f"--pwfile={secret}", "--no-sync")
    subprocess.run([*AS_POSTGRES, BIN / "initdb", "-D", data, *options], env=bare_environ(), cwd=folder, check=True, capture_output=True)
    return data


def _await(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0 and b"ready to accept connections" in log.read_bytes():
                return
        time.sleep(0.05)
    raise AssertionError(f"PostgreSQL did not start ({server.poll()}): {log.read_text('utf-8', 'replace')[-2000:]}")
