"""Debian's nginx with the shipped configuration, in front of functions on ports of 127.0.0.1. Brought by `tests/system/need nginx`."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.ports import free_port
from tests.support.stores.store import ROOT, bare_environ, running
from tests.support.waiting import eventually

SHIPPED = ROOT / "infra/nginx/docusnap.conf"
# What Debian's nginx.conf does, with everything that is written under {folder}. Its workers are nobody's, as www-data is there.
MAIN = """
{user}
worker_processes 2;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/docusnap.conf;
}}
"""


@dataclass(frozen=True, slots=True)
class Nginx:
    url: str
    folder: Path

    @property
    def access_log(self) -> str:
        return (self.folder / "access.log").read_text("utf-8")

    @property
    def logs(self) -> str:
        """All that it wrote."""
        return "".join(path.read_text("utf-8", "replace") for path in self.folder.glob("*.log"))


@contextmanager
def running_nginx(
    folder: Path, functions: Mapping[str, int], *, port: int | None = None, tls: Path | None = None, **changes: str
) -> Iterator[Nginx]:
    """nginx before `functions` (query, upload, intake → port). `changes` are directives of the shipped file with another value.

    `tls` is a folder with fullchain.pem, made for 127.0.0.1, and privkey.pem: then the block for TLS is used.
    """
    folder.mkdir(parents=True, exist_ok=True)
    address = f"127.0.0.1:{port or free_port()}"
    (folder / "docusnap.conf").write_text(configuration(folder, address, functions, tls, changes), "utf-8")
    user = "user nobody nogroup;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user=user), "utf-8")
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program, "nginx is not here: tests/system/need nginx"
    url, log = f"{'https' if tls else 'http'}://{address}", folder / "output.log"
    command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    with running(command, bare_environ(), log, folder) as process:
        _await_listening(process, address, log)
        yield Nginx(url, folder)


def _await_listening(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    host, _, port = address.partition(":")

    def listening() -> bool:
        assert process.poll() is None, log.read_text("utf-8", "replace")
        with socket.socket() as client:
            return client.connect_ex((host, int(port))) == 0

    eventually(listening, "nginx listens", 30)


def configuration(folder: Path, address: str, functions: Mapping[str, int], tls: Path | None, changes: Mapping[str, str]) -> str:
    """The shipped file, changed where its README tells operators to, and nowhere else."""
    text = SHIPPED.read_text("utf-8")
    for name, port in functions.items():
        text = _replaced(text, f"server {name}:8080;", f"server 127.0.0.1:{port};")
    text = _with_tls(text, address, tls) if tls else _replaced(text, "    listen 8080;", f"    listen {address};")
    text = _replaced(text, "/var/log/nginx/", f"{folder}/")
    for directive, value in changes.items():
        old = re.search(rf"\b{directive} \S+;", text)
        assert old, f"{directive} is not in the shipped file"
        text = _replaced(text, old[0], f"{directive} {value};")
    return text


def _with_tls(text: str, address: str, tls: Path) -> str:
    """The commented block taken in, as its comment says."""
    text = re.sub(r"^    #   (?=listen|ssl_|add_header)", "    ", _replaced(text, "    listen 8080;\n", ""), flags=re.MULTILINE)
    return _replaced(text, "listen 443 ssl", f"listen {address} ssl").replace("/etc/nginx/tls/", f"{tls}/")


def _replaced(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {SHIPPED.name}"
    return text.replace(old, new)
