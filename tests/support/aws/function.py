"""A Lambda function: several environments, and the address where a caller invokes it."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests

from tests.support.aws.environment import RESPONSE_BYTES, Environment, Image

WAIT_SECONDS = 60.0  # for an environment that is free


@dataclass(frozen=True, slots=True)
class Call:
    """One invocation, as it was seen from outside."""

    event: Any
    answer: Any  # what the handler returned; where `error`, what Lambda tells the caller
    error: bool
    seconds: float
    environment: int
    began: float  # time.monotonic()


@dataclass
class Function:
    """Invoked by SQS's mapping, a schedule or API Gateway."""

    image: Image
    environments: list[Environment]
    calls: list[Call] = field(default_factory=list)
    _idle: queue.LifoQueue[int] = field(default_factory=queue.LifoQueue)  # the one used last is the warm one

    def start(self) -> None:
        for number, environment in reversed(list(enumerate(self.environments))):
            environment.start()
            self._idle.put(number)

    def stop(self) -> None:
        for environment in self.environments:
            environment.stop()

    def invoke(self, event: Any) -> Call:
        """Wait for a free environment, and for its answer."""
        number = self._idle.get(timeout=WAIT_SECONDS)
        began = time.monotonic()
        try:
            answer, error = self._ask(self.environments[number], json.dumps(event).encode())
        finally:
            self._idle.put(number)
        call = Call(event, answer, error, time.monotonic() - began, number, began)
        self.calls.append(call)
        return call

    @property
    def log(self) -> str:
        return "".join(one.log.read_text("utf-8", "replace") for one in self.environments if one.log.exists())

    def _ask(self, environment: Environment, event: bytes) -> tuple[Any, bool]:
        try:
            answer = environment.invoke(event, self.image.timeout + 30)
        except requests.RequestException as exc:
            environment.stop()
            environment.start()
            return {"errorType": "Runtime.ExitError", "errorMessage": repr(exc)}, True
        if len(answer.content) > RESPONSE_BYTES:
            return {"errorType": "Function.ResponseSizeTooLarge", "errorMessage": f"{len(answer.content)} bytes"}, True
        return judged(answer)


def judged(answer: requests.Response) -> tuple[Any, bool]:
    """What the function answered, and whether that is an error: the emulator says 200 to errors and timeouts too."""
    try:
        found = json.loads(answer.content or b"null")
    except ValueError:  # "Task timed out after 3.00 seconds"
        return {"errorType": "Sandbox.Timedout", "errorMessage": answer.text[:500]}, True
    failed = isinstance(found, dict) and "errorMessage" in found and "errorType" in found
    return found, failed or answer.status_code >= 300


@contextmanager
def running_function(image: Image, folder: Path, concurrency: int = 1) -> Iterator[Function]:
    """Its emulators listen; everything that it started has ended when it is left."""
    environments = [Environment(image, folder / f"{image.name}-{number}.log") for number in range(concurrency)]
    function = Function(image, environments)
    try:
        function.start()
        yield function
    finally:
        function.stop()


@contextmanager
def invocable(function: Function) -> Iterator[str]:
    """The URL that invokes it by POST: 200 with its answer, or 500 with its error."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Quiet."""

        def do_POST(self) -> None:
            call = function.invoke(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            body = json.dumps(call.answer).encode()
            self.send_response(500 if call.error else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with serving(Handler) as port:
        yield f"http://127.0.0.1:{port}/"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hung up is no news."""


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """The port of 127.0.0.1 on which it is served."""
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
