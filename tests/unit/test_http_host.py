"""The translation between WSGI and a function's event, without a server."""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import signal
import subprocess
import sys
from typing import Any

import pytest
from docusnap.api import openapi
from docusnap.api.app import bearer
from docusnap.hosts import logs
from docusnap.hosts.http import api_host, json_host
from docusnap.hosts.stop import Deadline

from tests.support.wsgi import ask

ID = "0" * 32


def echo(event: Any, context: Any) -> dict[str, Any]:
    body = {"event": event, "id": context.aws_request_id}
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body)}


def test_a_request_becomes_a_rest_event() -> None:
    uri = f"/v1/documents/{ID}/content?page=1&page=2&format=&q=a%20b%2B"
    told = json.loads(ask(api_host(echo), "GET", uri, x_request_id="r1", accept="text/plain").body)
    event = told["event"]
    assert told["id"] == "r1"
    assert event["requestContext"] == {
        "httpMethod": "GET",
        "resourcePath": "/v1/documents/{id}/content",
        "requestId": "r1",
        "identity": {},
    }
    assert event["pathParameters"] == {"id": ID}
    assert event["multiValueQueryStringParameters"] == {"page": ["1", "2"], "format": [""], "q": ["a b+"]}
    assert event["headers"]["accept"] == "text/plain"
    assert (event["body"], event["isBase64Encoded"]) == (None, False)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_goes_through_byte_by_byte(chunked: bool) -> None:
    body = bytes(range(256)) * 1000
    event = json.loads(ask(api_host(echo), "POST", "/v1/documents", body=body, chunked=chunked).body)["event"]
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == body


def test_an_answer_goes_back_with_all_its_headers() -> None:
    def answer(event: Any, context: Any) -> dict[str, Any]:
        raw = base64.b64encode(b"\xff\x00").decode()
        return {"statusCode": 201, "headers": {"A": "1"}, "multiValueHeaders": {"B": ["2", "3"]}, "body": raw, "isBase64Encoded": True}

    reply = ask(api_host(answer), "POST", "/v1/documents")
    assert (reply.status, reply.body) == (201, b"\xff\x00")
    assert (reply.headers["a"], reply.headers["b"], reply.headers["content-length"]) == ("1", "2, 3", "2")


def test_a_function_that_breaks_is_a_problem_and_no_traceback() -> None:
    def broken(event: Any, context: Any) -> float:
        return 1 / 0

    reply = ask(api_host(broken), "GET", "/healthz")
    assert (reply.status, json.loads(reply.body)["code"]) == (500, "internal_error")
    assert b"division" not in reply.body


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/v1/documents", "/v1/documents"),
        (f"/v1/documents/{ID}", "/v1/documents/{id}"),
        ("/v1/documents/%E4%B8%80", "/v1/documents/{id}"),
        ("/v1/documents/", openapi.UNROUTED),
        (f"/v1/documents/{ID}%2fcontent", openapi.UNROUTED),
        (f"/v1/documents/{ID}%2Fcontent", openapi.UNROUTED),
        ("/V1/documents", openapi.UNROUTED),
        ("", openapi.UNROUTED),
        ("*", openapi.UNROUTED),
    ],
)
def test_a_path_has_at_most_one_route(path: str, template: str) -> None:
    assert openapi.route(path).template == template


def test_an_absolute_address_is_routed_by_its_path() -> None:
    event = json.loads(ask(api_host(echo), "GET", "http://elsewhere:1/healthz").body)["event"]
    assert event["requestContext"]["resourcePath"] == "/healthz"


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("size", "given"), [(9, 9), (10, 10), (11, 11), (12, 11), (500_000, 11)])
def test_of_a_body_beyond_the_limit_the_app_gets_one_byte_too_many(chunked: bool, size: int, given: int) -> None:
    reply = ask(api_host(echo, lambda: 10), "POST", "/v1/documents", body=b"x" * size, chunked=chunked)
    assert len(base64.b64decode(json.loads(reply.body)["event"]["body"])) == given


@pytest.mark.parametrize("chunked", [False, True])
def test_a_function_gets_no_more_json_than_a_megabyte(chunked: bool) -> None:
    reply = ask(json_host(echo, 1), "POST", "/", body=b" " * 1_000_001, chunked=chunked)
    assert (reply.status, json.loads(reply.body)["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("header", "token"),
    [(None, None), ("", None), ("Bearer", None), ("bearer  x ", "x"), ("BEARER x y", "x y"), ("Basic x", None), ("Bearerx", None)],
)
def test_credentials_follow_their_scheme(header: str | None, token: str | None) -> None:
    assert bearer(header) == token


def test_a_call_that_is_over_has_no_time_left() -> None:
    with Deadline(1e6, "id") as context:
        assert context.remaining() > 0
        assert context.get_remaining_time_in_millis() > 0
    assert context.remaining() == 0


PROGRAM = """
import os, signal
from docusnap.hosts import stop
before = []
signal.signal(signal.SIGTERM, lambda *_: before.append("told"))
signal.signal(signal.SIGQUIT, signal.SIG_IGN)
stop.on_signals()
call = stop.Deadline(1e6, "id")
assert not call.stopping()
os.kill(os.getpid(), signal.{name})
print(before, call.stopping(), call.remaining())
"""


@pytest.mark.parametrize(("number", "before"), [(signal.SIGTERM, "['told']"), (signal.SIGQUIT, "[]")])
def test_a_signal_is_told_to_calls_and_to_whoever_had_it_before(number: signal.Signals, before: str) -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM.format(name=number.name)], capture_output=True, text=True, check=True)
    assert ran.stdout == f"{before} True 0.0\n"


def test_a_log_line_is_one_json_object_with_its_traceback() -> None:
    try:
        raise ValueError("二\nlines")
    except ValueError:
        record = logging.getLogger("x").makeRecord("x", logging.ERROR, "f", 1, "went %s", ("wrong",), sys.exc_info(), extra={"page": 3})
    line = logs.JsonLines().format(record)
    told = json.loads(line)
    assert "\n" not in line
    assert (told["level"], told["message"], told["page"]) == ("error", "went wrong", 3)
    assert "ValueError: 二\nlines" in told["traceback"]


def test_a_line_that_is_written_apart_is_like_those_of_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("docusnap.test-of-the-log")
    log.setLevel(logging.INFO)
    told = {"status": 200, "route": "/v1/documents/{id}"}
    logs.write(log, "request", told)
    record = log.makeRecord(log.name, logging.INFO, "", 0, "request", (), None, extra=told)
    written, formatted = json.loads(capsys.readouterr().err), json.loads(logs.JsonLines().format(record))
    assert list(written) == list(formatted)
    assert written | {"time": formatted["time"]} == formatted
    log.setLevel(logging.WARNING)
    logs.write(log, "request", told)
    assert capsys.readouterr().err == ""


def test_no_request_fails_for_a_log_that_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    log = logging.getLogger("docusnap.test-of-the-log")
    log.setLevel(logging.INFO)
    full = open("/dev/full", "w", buffering=1, encoding="utf-8")  # noqa: PTH123, SIM115  a device, whose closing fails too
    for stream in (full, None):
        monkeypatch.setattr("sys.stderr", stream)
        logs.write(log, "request", {})
    monkeypatch.undo()
    with contextlib.suppress(OSError):
        full.close()
