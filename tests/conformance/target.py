"""A running function as its callers and its platform reach it, whatever stands before it."""

from __future__ import annotations

import http.client
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

ENDS = 20.0  # seconds in which a function ends after SIGTERM; OpenFaaS and Kubernetes give 30


@dataclass(frozen=True, slots=True)
class Target:
    """One function; `url` is what callers begin their addresses with."""

    url: str
    function_url: str  # the container itself
    probe_url: str  # where the platform asks
    probe_headers: Mapping[str, Mapping[str, str]]  # by path
    processes: tuple[subprocess.Popen[bytes], ...]  # the function last
    tell: Callable[[], None]  # the platform ends the function: SIGTERM, in its own order
    log: Path
    stopped: list[bool] = field(default_factory=list)

    # --- as callers see it; `support.api.Tenant` takes a target for a server

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.call("GET", path, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return self.call("POST", path, **options)

    def call(self, method: str, path: str, timeout: float = 60, **options: Any) -> requests.Response:
        return requests.request(method, self.url + path, timeout=timeout, allow_redirects=False, **options)

    def connect(self) -> socket.socket:
        """A connection without any HTTP on it yet."""
        return socket.create_connection(("127.0.0.1", urlsplit(self.url).port or 80), timeout=30)

    def head(self, method: str, path: str, *headers: str) -> bytes:
        """A request's head, for `connect`."""
        lines = [f"{method} {urlsplit(self.url).path}{path} HTTP/1.1", f"Host: {urlsplit(self.url).netloc}", *headers, "", ""]
        return "\r\n".join(lines).encode()

    # --- as the platform sees it

    def probe(self, path: str = "/_/ready", method: str = "GET") -> int:
        return requests.request(method, self.probe_url + path, headers=self.probe_headers.get(path), timeout=10).status_code

    @contextmanager
    def prober(self) -> Iterator[Callable[[], int]]:
        """Asks for readiness on one connection that stays open."""
        with closing(http.client.HTTPConnection("127.0.0.1", urlsplit(self.probe_url).port, timeout=10)) as link:

            def ask() -> int:
                link.request("GET", "/_/ready", headers=dict(self.probe_headers.get("/_/ready", {})))
                response = link.getresponse()
                response.read()
                return response.status

            yield ask

    def terminate(self) -> None:
        self.stopped.append(True)
        self.tell()

    def ended(self) -> tuple[int, ...]:
        """Exit statuses. Raises: AssertionError where something still runs after ENDS seconds."""
        deadline = time.monotonic() + ENDS
        try:
            return tuple(process.wait(max(0.0, deadline - time.monotonic())) for process in self.processes)
        except subprocess.TimeoutExpired as exc:
            raise AssertionError(f"it has not ended {ENDS:.0f} s after SIGTERM") from exc

    def await_start(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            assert all(process.poll() is None for process in self.processes), self.log.read_text()
            try:
                if requests.get(f"{self.function_url}/_/health", timeout=5).ok and self.get("/_/health").ok:
                    return
            except requests.ConnectionError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"it did not start within 30 s: {self.log.read_text()}")
