"""Stores that answer reads as none should, named after the disaster."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PROMISED = 12  # bytes that every answer announces

Answer = Callable[[BaseHTTPRequestHandler, threading.Event], None]


def hangs_up_halfway(request: BaseHTTPRequestHandler, over: threading.Event) -> None:
    _begin(request)
    request.wfile.write(b"twelve")
    request.close_connection = True


def drips(request: BaseHTTPRequestHandler, over: threading.Event) -> None:
    """A byte now and then, for as long as somebody listens."""
    _begin(request)
    while not over.wait(0.2):
        request.wfile.write(b".")


def sends_too_much(request: BaseHTTPRequestHandler, over: threading.Event) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    request.wfile.write(b"x" * 1000)


def sends_less_than_the_object_holds(request: BaseHTTPRequestHandler, over: threading.Event) -> None:
    """A whole answer, of half an object: its Content-Length is true, the ledger's size is not."""
    request.send_response(200)
    request.send_header("Content-Length", str(PROMISED // 2))
    request.end_headers()
    request.wfile.write(b"x" * (PROMISED // 2))


def is_overloaded(request: BaseHTTPRequestHandler, over: threading.Event) -> None:
    _fail(request, 503, "SlowDown")


def has_lost_the_bucket(request: BaseHTTPRequestHandler, over: threading.Event) -> None:
    _fail(request, 404, "NoSuchBucket")


def talks_html(request: BaseHTTPRequestHandler, over: threading.Event) -> None:
    """A proxy's error page instead of S3's XML."""
    request.send_response(502)
    request.send_header("Content-Length", "4")
    request.end_headers()
    request.wfile.write(b"<hr>")


def takes_no_presigned_reads(request: BaseHTTPRequestHandler, over: threading.Event) -> None:
    """As a bucket policy may say that wants signatures in the headers."""
    if _is_presigned(request):
        _fail(request, 403, "AccessDenied")
    else:
        _serve(request)


def hangs_up_on_the_first(request: BaseHTTPRequestHandler, over: threading.Event) -> None:
    """As a connection that was kept too long."""
    if _is_presigned(request):
        request.close_connection = True
    else:
        _serve(request)


def _is_presigned(request: BaseHTTPRequestHandler) -> bool:
    return "X-Amz-Signature" in request.path


def _serve(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(PROMISED))
    request.send_header("ETag", '"an-etag"')
    request.end_headers()
    if request.command == "GET":
        request.wfile.write(b"x" * PROMISED)


def _begin(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(PROMISED))
    request.end_headers()


def _fail(request: BaseHTTPRequestHandler, status: int, code: str) -> None:
    body = f"<Error><Code>{code}</Code></Error>".encode()
    request.send_response(status)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """The URL of a store that answers every GET and HEAD so."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                answer(self, over)
            except OSError:  # the other side had enough
                self.close_connection = True

        do_HEAD = do_GET  # noqa: N815  the library's own name

        def log_message(self, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        over.set()
        server.shutdown()
        thread.join()
        server.server_close()
