"""A function behind the HTTP host: the contract of of-watchdog and Knative."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.api import Server, serve
from tests.support.ports import free_port


@pytest.fixture(scope="module")
def function(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("function"), {"WEB_CONCURRENCY": "1"}, "tests.support.held:app") as server:
        yield server


@pytest.mark.parametrize("path", ["/", "/any/path", "/?query=1"])
@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunked"])
def test_json_goes_in_and_comes_out(function: Server, path: str, chunked: bool) -> None:
    body = b'{"a": [1]}'
    answer = function.post(path, data=iter([body[:3], body[3:]]) if chunked else body)
    assert (answer.status_code, answer.json()["event"]) == (200, {"a": [1]})
    assert answer.headers["Content-Type"] == "application/json"


def test_an_empty_body_is_an_empty_event(function: Server) -> None:
    assert function.post("/").json()["event"] == {}


def test_the_function_is_told_its_time(function: Server) -> None:
    told = function.post("/").json()
    assert told["stopping"] is False
    assert 0 < told["remaining"] <= 1e6


@pytest.mark.parametrize(
    ("event", "status", "again"),
    [
        ({"fail": "database_unavailable"}, 503, True),
        ({"fail": "too_many_requests"}, 429, True),
        ({"fail": "internal_error"}, 500, False),
        ({"crash": True}, 500, False),
    ],
    ids=str,
)
def test_a_failure_says_whether_to_try_again(function: Server, event: dict[str, Any], status: int, again: bool) -> None:
    answer = function.post("/", json=event)
    assert (answer.status_code, "Retry-After" in answer.headers) == (status, again)
    assert "secret detail" not in answer.text


def test_what_is_no_json_is_refused(function: Server) -> None:
    assert function.post("/", data=b"{").json()["code"] == "malformed_json"


def test_only_post_calls_the_function(function: Server) -> None:
    answer = function.get("/")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/_/health", "/_/ready"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_probes_do_not_call_the_function(function: Server, method: str, path: str) -> None:
    assert function.call(method, path).status_code == 200


def test_sigterm_is_told_to_a_running_call_which_still_answers(tmp_path: Path) -> None:
    begun, answers = tmp_path / "begun", list[requests.Response]()
    with serve(tmp_path, {"WEB_CONCURRENCY": "1"}, "tests.support.held:app") as server:
        caller = threading.Thread(target=lambda: answers.append(server.post("/", json={"hold": str(begun)})))
        caller.start()
        while not begun.exists():
            assert caller.is_alive()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=20) == 0
        caller.join()
    assert (answers[0].status_code, answers[0].json()["stopping"], answers[0].json()["remaining"]) == (200, True, 0)


def test_the_worker_has_nothing_to_do_in_an_empty_ledger(environ: dict[str, str], database_url: str, tmp_path: Path) -> None:
    with serve(tmp_path, {**environ, "FUNCTION": "ocr"}, "docusnap.hosts.function:app") as server:
        assert server.post("/", json={}).json() == {"handled": 0}


def test_a_worker_without_its_database_asks_to_be_woken_again(environ: dict[str, str], tmp_path: Path) -> None:
    away = {**environ, "DATABASE_URL": f"postgresql://nobody@127.0.0.1:{free_port()}/none", "FUNCTION": "ocr"}
    with serve(tmp_path, away, "docusnap.hosts.function:app") as server:
        answer = server.post("/")
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
