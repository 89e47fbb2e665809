"""CnOCR 2.3.3 by HTTP: the application and the server that `cnocr serve` starts, one request a page. Memory is the server's.

`cnocr serve` takes no model's name, and the ones it loads are only to be had from a hub: the application is given those of peers/cnocr.py.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.peers.telling import asked, read, ready

SERVER = """
import functools, sys
import cnocr, uvicorn
from benchmarks.peers.cnocr import models
cnocr.CnOcr = functools.partial(cnocr.CnOcr, **models())
import cnocr.serve
uvicorn.run(cnocr.serve.app, host="127.0.0.1", port=int(sys.argv[1]))
"""
BOUNDARY = "page-of-the-benchmark"
PATIENCE = 120  # seconds until the server answers


def main() -> None:
    with server() as (child, port):
        ready(child.pid)
        for number, page in enumerate(asked()):
            read(number, page.path, lambda path: text(port, path), child.pid)


@contextmanager
def server() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    port = free_port()
    child = subprocess.Popen([sys.executable, "-c", SERVER, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait(child, port)
        yield child, port
    finally:
        child.terminate()
        child.wait(30)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def wait(child: subprocess.Popen[bytes], port: int) -> None:
    """Raises: RuntimeError where no server comes up."""
    for _ in range(PATIENCE * 20):
        if child.poll() is not None:
            raise RuntimeError(f"The server ended with {child.returncode}.")
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"The server did not answer for {PATIENCE} seconds.")


def text(port: int, path: Path) -> str:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="page"\r\n\r\n'
    body = head.encode() + path.read_bytes() + f"\r\n--{BOUNDARY}--\r\n".encode()
    connection = HTTPConnection("127.0.0.1", port)
    try:
        connection.request("POST", "/ocr", body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})
        response = connection.getresponse()
        answer = response.read()
    finally:
        connection.close()
    if response.status != 200:
        raise RuntimeError(f"HTTP {response.status}: {answer[:200]!r}")
    return "\n".join(line["text"] for line in json.loads(answer)["results"])


if __name__ == "__main__":
    main()
