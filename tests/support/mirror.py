"""A function's double that answers with what reached it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def running_mirror(name: str) -> Iterator[int]:
    """Its port. The answer is 200, or what the header `Answer` asks for, with JSON: function, method, path, headers, bytes."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {key.lower(): value for key, value in self.headers.items()}
            seen = {"function": name, "method": self.command, "path": self.path, "headers": headers, "bytes": len(body)}
            told = json.dumps(seen).encode()
            self.send_response(int(self.headers.get("Answer") or 200))
            self.send_header("Retry-After", "7")
            self.send_header("Function", name)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(told)

        def log_message(self, *_args: object) -> None:
            pass

    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
        setattr(Handler, f"do_{method}", Handler._answer)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
