"""Small documents by HTTPS, from servers that behave and servers that do not."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from docusnap.adapters.https import Answer, HttpsClient, Unreachable

SIZE, SECONDS = 1000, 1.0

Behaviour = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a self-signed certificate of 127.0.0.1 in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")]), datetime.now(UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(1).not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
    built = built.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    file = tmp_path_factory.mktemp("tls") / "identity.pem"
    plain = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file.write_bytes(key.private_bytes(*plain) + built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return file


@contextmanager
def serving(identity: Path, behave: Behaviour) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                behave(self)
            except OSError:  # the other side had enough
                self.close_connection = True

        def log_message(self, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}/a.pem"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def client(identity: Path | None) -> HttpsClient:
    return HttpsClient(size=SIZE, seconds=SECONDS, context=ssl.create_default_context(cafile=str(identity)) if identity else None)


def says(status: int, body: bytes, **headers: str) -> Behaviour:
    def behave(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    return behave


def drips(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    for _ in range(100):
        request.wfile.write(b".")
        time.sleep(0.1)


def sleeps(request: BaseHTTPRequestHandler) -> None:
    time.sleep(3)


def never_ends(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    while True:
        request.wfile.write(b"x" * 10_000)


def test_a_document_is_read_whole(identity: Path) -> None:
    with serving(identity, says(200, b"x" * SIZE)) as url:
        assert client(identity).get(url) == Answer(200, b"x" * SIZE)


def test_what_is_not_there_is_an_answer_too(identity: Path) -> None:
    with serving(identity, says(404, b"gone")) as url:
        assert client(identity).get(url) == Answer(404, b"gone")


def test_a_redirect_is_not_followed(identity: Path) -> None:
    with serving(identity, says(200, b"elsewhere")) as other, serving(identity, says(302, b"", Location=other)) as url:
        assert client(identity).get(url) == Answer(302, b"")


@pytest.mark.parametrize(
    "behave", [drips, sleeps, never_ends, says(200, b"x" * (SIZE + 1))], ids=["drips", "sleeps", "never ends", "too long"]
)
def test_a_server_that_is_too_slow_or_says_too_much_is_left(identity: Path, behave: Behaviour) -> None:
    with serving(identity, behave) as url:
        began = time.monotonic()
        with pytest.raises(Unreachable):
            client(identity).get(url)
        assert time.monotonic() - began < 2 * SECONDS


def test_a_server_without_a_certificate_that_is_trusted_is_not_believed(identity: Path) -> None:
    with serving(identity, says(200, b"forged")) as url, pytest.raises(Unreachable):
        client(None).get(url)


def test_nobody_there_is_unreachable(identity: Path) -> None:
    with pytest.raises(Unreachable):
        client(identity).get("https://127.0.0.1:9/a.pem")
