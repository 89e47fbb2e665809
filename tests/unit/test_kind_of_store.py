"""Which kind of store an address is, by its name or by what a small real HTTP server answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from docusnap.adapters.provision.clients import region_of
from docusnap.adapters.provision.kind import kind_of
from docusnap.errors import ConfigurationError, StoreUnavailable
from docusnap.provision.plan import Kind
from docusnap.settings import of_store

Serve = Callable[[Mapping[str, str], int], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a store that answers with these headers, and with this status where MinIO tells its health; its address."""
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(headers: Mapping[str, str], health: int) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response_only(health if "health" in self.path else 403)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("headers", "health", "kind"),
    [
        ({"Server": "MinIO"}, 200, Kind.MINIO),
        ({"Server": "MinIO"}, 404, Kind.MINIO),
        ({"Server": "nginx"}, 200, Kind.MINIO),
        ({"Server": "Ceph Object Gateway (squid)"}, 404, Kind.CEPH),
        ({"x-amz-request-id": "tx0000012c0edeca58520bf-006b065d86-1009-default"}, 404, Kind.CEPH),
    ],
)
def test_a_store_is_known_by_how_it_answers(serve: Serve, headers: Mapping[str, str], health: int, kind: Kind) -> None:
    assert kind_of(serve(headers, health)) is kind


def test_a_stranger_has_to_be_named(serve: Serve) -> None:
    with pytest.raises(ConfigurationError, match="--kind"):
        kind_of(serve({"Server": "nginx", "x-amz-request-id": "e7c6882a-24d3"}, 404))


def test_nobody_is_told_from_a_stranger() -> None:
    with pytest.raises(StoreUnavailable, match="does not answer"):
        kind_of("http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("s3.eu-central-1.amazonaws.com", "eu-central-1"),
        ("s3.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("s3.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("bucket.vpce-0123.s3.ap-southeast-2.vpce.amazonaws.com", "ap-southeast-2"),
        ("s3.amazonaws.com", "us-west-2"),
    ],
)
def test_aws_is_known_by_its_name_and_its_region_with_it(host: str, region: str) -> None:
    assert kind_of(f"https://{host}") is Kind.AWS
    assert region_of(of_store({"S3_ENDPOINT_URL": f"https://{host}", "S3_REGION": "us-west-2"})) == region
