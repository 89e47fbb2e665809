"""The shipped nginx configuration on the real nginx: what reaches which function, and what it says itself."""

from __future__ import annotations

import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from tests.support.mirror import running_mirror
from tests.support.nginx import Nginx, running_nginx
from tests.support.ports import free_port
from tests.support.waiting import eventually

TOKEN = "a-token-in-a-path"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="docusnap-nginx-") as name:
        Path(name).chmod(0o755)  # nginx's workers are nobody's
        yield Path(name)


@pytest.fixture(scope="module")
def nginx(folder: Path) -> Iterator[Nginx]:
    with ExitStack() as held:
        ports = {name: held.enter_context(running_mirror(name)) for name in ("query", "upload", "intake")}
        yield held.enter_context(running_nginx(folder / "whole", ports))


@pytest.fixture(scope="module")
def broken(folder: Path) -> Iterator[Nginx]:
    """query is not there, upload takes a call and says nothing, for longer than nginx waits here."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        ports = {"query": free_port(), "upload": silent.getsockname()[1], "intake": free_port()}
        with running_nginx(folder / "broken", ports, proxy_read_timeout="1s") as found:
            yield found


@pytest.fixture(scope="module")
def encrypted(folder: Path) -> Iterator[Nginx]:
    """The block for TLS, with a certificate of its own."""
    tls = folder / "tls"
    tls.mkdir()
    names = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names]
    subprocess.run([*command, "-keyout", tls / "privkey.pem", "-out", tls / "fullchain.pem"], check=True, capture_output=True, timeout=60)
    with ExitStack() as held:
        ports = {name: held.enter_context(running_mirror(name)) for name in ("query", "upload", "intake")}
        yield held.enter_context(running_nginx(folder / "encrypted", ports, tls=tls))


def ask(nginx: Nginx, method: str, path: str, **options: object) -> requests.Response:
    return requests.request(method, nginx.url + path, timeout=30, **options)  # type: ignore[arg-type]


def raw(nginx: Nginx, request: bytes) -> bytes:
    """The answer to bytes that no client would send."""
    host, _, port = nginx.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(request)
        answer = b""
        while chunk := client.recv(65536):
            answer += chunk
    return answer


@pytest.mark.parametrize(
    ("method", "path", "function"),
    [
        ("GET", "/v1/documents/1", "query"),
        ("HEAD", "/v1/documents/1", "query"),
        ("GET", "/docs", "query"),
        ("POST", "/v1/documents", "upload"),
        ("DELETE", "/v1/documents/1", "upload"),
        ("OPTIONS", "/v1/documents/1", "upload"),
        ("PUT", "/v1/documents/1", "upload"),
        ("POST", "/events/s3", "intake"),
        ("HEAD", "/events/s3", "intake"),
        ("POST", f"/events/s3/{TOKEN}", "intake"),
    ],
)
def test_the_method_decides_but_for_events(nginx: Nginx, method: str, path: str, function: str) -> None:
    assert ask(nginx, method, path).headers["Function"] == function


def test_a_path_and_its_query_arrive_as_they_were_sent(nginx: Nginx) -> None:
    assert ask(nginx, "GET", "/v1/a%2Fb//c%20d?q=%E9%93%B6+x&q=").json()["path"] == "/v1/a%2Fb//c%20d?q=%E9%93%B6+x&q="


def test_a_chunked_body_arrives_whole(nginx: Nginx) -> None:
    assert ask(nginx, "POST", "/v1/documents", data=iter([bytes(600_000)] * 2)).json()["bytes"] == 1_200_000


def test_what_a_function_says_passes_as_it_is(nginx: Nginx) -> None:
    for status in (404, 413, 429, 502, 503, 504):
        answer = ask(nginx, "GET", "/v1/documents", headers={"Answer": str(status)})
        assert (answer.status_code, answer.headers["Retry-After"], answer.json()["function"]) == (status, "7", "query")


def test_who_asked_is_told_by_nginx_and_not_by_the_client(nginx: Nginx) -> None:
    said = {"X-Forwarded-Host": "evil", "X-Forwarded-Proto": "gopher", "X-Forwarded-For": "8.8.8.8", "X-Forwarded-Prefix": "/evil"}
    seen = ask(nginx, "GET", "/v1", headers={**said, "Forwarded": "for=8.8.8.8", "Authorization": "Bearer k"}).json()["headers"]

    here = nginx.url.removeprefix("http://")
    told = {name: seen.get(name) for name in ("host", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-for", "authorization")}
    assert list(told.values()) == [here, here, "http", "127.0.0.1", "Bearer k"]
    assert not {"x-forwarded-prefix", "forwarded"} & set(seen)
    assert len(seen["x-request-id"]) == 32


def test_the_block_for_tls_works_as_it_stands_and_is_told_to_the_functions(encrypted: Nginx, folder: Path) -> None:
    answer = ask(encrypted, "GET", "/v1/documents", verify=folder / "tls/fullchain.pem")

    assert (answer.json()["function"], answer.json()["headers"]["x-forwarded-proto"]) == ("query", "https")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert ask(encrypted, "DELETE", "/v1/documents/1", verify=folder / "tls/fullchain.pem").json()["function"] == "upload"


@pytest.mark.parametrize("path", ["/_/health", "/_/ready", "/metrics", "/_/malformed"])
def test_what_is_a_containers_own_is_not_shown(nginx: Nginx, path: str) -> None:
    answer = ask(nginx, "GET", path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")
    assert answer.json()["code"] == "not_found"


def test_a_body_that_is_far_too_large_is_refused_in_our_words(nginx: Nginx) -> None:
    for body in (bytes(3_000_000), iter([bytes(1_000_000)] * 3)):
        answer = ask(nginx, "POST", "/v1/documents", data=body)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_a_function_that_is_away_is_a_502_in_our_words(broken: Nginx) -> None:
    answer = ask(broken, "GET", "/v1/documents")
    assert (answer.status_code, answer.headers["Content-Type"]) == (502, "application/problem+json")
    assert (answer.json()["code"], answer.headers["Retry-After"]) == ("function_unreachable", "2")
    eventually(lambda: answer.json()["instance"] in broken.access_log, "the access log names the request", 10)


def test_a_function_that_says_nothing_is_a_504_in_our_words(broken: Nginx) -> None:
    answer = ask(broken, "POST", "/v1/documents")
    assert (answer.status_code, answer.json()["code"]) == (504, "function_timed_out")


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"GET /v1 HTTP/1.1\r\nno header\r\n\r\n",
        b"GET /../x HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: none\r\n\r\n",
    ],
    ids=["no HTTP", "no header", "above the root", "a long path", "a long header", "an unknown encoding"],
)
def test_what_is_no_http_is_refused_in_our_words(nginx: Nginx, request_: bytes) -> None:
    answer = raw(nginx, request_)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"code":"malformed_request"' in answer


def test_a_token_in_a_path_stands_in_no_log(nginx: Nginx, broken: Nginx) -> None:
    spellings = ("/events/s3/", "//events/s3/", "/%65vents/s3/", "/events/%73%33/", "/x/../events/s3/", "/events/./s3/")
    for one in (nginx, broken):
        for path in spellings:
            raw(one, f"POST {path}{TOKEN}?q=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        ask(one, "POST", f"/events/s3/{TOKEN}", data=bytes(3_000_000))
        raw(one, f"GET /events/s3/{TOKEN} HTTP/1.1\r\nno header\r\n\r\n".encode())
        eventually(lambda: one.access_log.count("/events/s3/{token}") > len(spellings), "the access log names the requests", 10)  # noqa: B023
        assert TOKEN not in one.logs


def test_what_was_searched_stands_in_no_access_log(nginx: Nginx) -> None:
    ask(nginx, "GET", "/v1/search?q=confidential")
    eventually(lambda: '"path":"/v1/search"' in nginx.access_log, "the access log names the request", 10)
    assert "confidential" not in nginx.access_log
