"""The doubles do what was measured of the real ones, before a function that tells what it got."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import requests

from tests.conformance.doubles import wire
from tests.conformance.homes import ROOT
from tests.support.ports import free_port

BODY = b"x" * 3_000_000


class Telling(wire.Handler):
    """Answers with the request as it came; `/sleep/N` after N seconds, `/status/N` with that status."""

    cancelled = threading.Event()

    def answer(self) -> None:
        body, path = self.whole_body(), self.path.split("?")[0]
        if path.startswith("/sleep/"):
            self.connection.settimeout(float(path.split("/")[2]))
            try:
                self.connection.recv(1)
                Telling.cancelled.set()
            except TimeoutError:
                self.connection.settimeout(None)
        told = {"path": self.path, "method": self.command, "headers": dict(self.headers.items()), "bytes": len(body)}
        status = int(path.split("/")[2]) if path.startswith("/status/") else 200
        self.reply(wire.Answer(status, [("Retry-After", "7")], json.dumps(told).encode()))

    do_GET = do_POST = do_OPTIONS = do_DELETE = answer  # noqa: N815  the base class's names


@pytest.fixture
def function() -> Iterator[str]:
    with serving(free_port()) as url:
        yield url


@contextmanager
def serving(port: int) -> Iterator[str]:
    server = wire.Server(port, Telling)
    Telling.cancelled.clear()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{port}"
    server.shutdown()
    server.server_close()


@contextmanager
def double(name: str, probe: str = "/_/health", **environ: object) -> Iterator[subprocess.Popen[bytes]]:
    variables = {key: str(value) for key, value in environ.items()}
    command = [sys.executable, "-m", f"tests.conformance.doubles.{name}"]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT}/layers", **variables})
    port = environ.get("port") or environ["QUEUE_SERVING_PORT"]
    try:
        await_answer(f"http://127.0.0.1:{port}{probe}")
        yield process
    finally:
        process.terminate()
        process.wait(timeout=30)


def await_answer(url: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            requests.get(url, timeout=5)
            return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise AssertionError(f"{url} does not answer")


@contextmanager
def watchdog(function: str, fprocess: str = "sleep 1000", **environ: object) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    port = free_port()
    with double("watchdog", fprocess=fprocess, upstream_url=function, port=port, healthcheck_interval=1, **environ) as process:
        yield f"http://127.0.0.1:{port}", process


# --- of-watchdog


def test_of_watchdog_sends_every_body_in_chunks_and_adds_the_duration(function: str) -> None:
    with watchdog(function) as (url, _):
        answer = requests.post(f"{url}/a/b?c=d", data=BODY, headers={"X-Call-Id": "7", "Authorization": "Bearer k"}, timeout=20)
        told = answer.json()
    assert (told["path"], told["bytes"], told["headers"]["Transfer-Encoding"]) == ("/a/b?c=d", len(BODY), "chunked")
    assert "Content-Length" not in told["headers"]
    assert (told["headers"]["X-Call-Id"], told["headers"]["Authorization"]) == ("7", "Bearer k")
    assert float(answer.headers["X-Duration-Seconds"]) > 0


def test_of_watchdog_gives_504_in_its_own_name_over_exec_timeout(function: str) -> None:
    with watchdog(function, exec_timeout=0.5, write_timeout=1) as (url, _):
        late = requests.get(f"{url}/sleep/3", timeout=20)
    assert (late.status_code, late.headers["X-OpenFaaS-Internal"]) == (504, "of-watchdog")


def test_of_watchdog_cuts_where_write_timeout_is_no_longer_than_exec_timeout(function: str) -> None:
    with watchdog(function, exec_timeout=0.5, write_timeout=0.5) as (url, _), pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/sleep/3", timeout=20)


def test_of_watchdog_refuses_more_than_max_inflight_with_429(function: str) -> None:
    with watchdog(function, max_inflight=1) as (url, _), ThreadPoolExecutor(1) as pool:
        held = pool.submit(requests.get, f"{url}/sleep/1.5", timeout=20)
        time.sleep(0.5)
        assert requests.get(url, timeout=20).status_code == 429
        assert requests.get(f"{url}/_/health", timeout=20).status_code == 200
        assert held.result().status_code == 200


def test_a_caller_who_hangs_up_cancels_the_call_down_to_the_function(function: str) -> None:
    with watchdog(function) as (url, _):
        with pytest.raises(requests.Timeout):
            requests.get(f"{url}/sleep/5", timeout=0.5)
        assert Telling.cancelled.wait(3)


def test_sigterm_goes_to_the_child_at_once_and_calls_in_flight_are_answered(function: str) -> None:
    with watchdog(function) as (url, process), ThreadPoolExecutor(1) as pool:
        held = pool.submit(requests.get, f"{url}/sleep/1.5", timeout=20)
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        assert requests.get(f"{url}/_/health", timeout=20).status_code == 503
        assert held.result().status_code == 200
        assert process.wait(timeout=20) == 1  # as its child did: `sleep` ended by the signal


def test_of_watchdog_ends_when_its_child_does_and_gives_500_where_nobody_answers() -> None:
    with watchdog("http://127.0.0.1:9") as (url, _):
        assert requests.get(url, timeout=20).status_code == 500
    with watchdog("http://127.0.0.1:9", "sh -c 'sleep 2; exit 3'") as (_, process):
        assert process.wait(timeout=20) == 1


# --- OpenFaaS's gateway


@contextmanager
def gateway(upstream: str, seconds: float = 20) -> Iterator[str]:
    port = free_port()
    with double("gateway", upstream_url=upstream, port=port, upstream_timeout=seconds):
        yield f"http://127.0.0.1:{port}"


def test_the_gateway_takes_its_own_path_off_decodes_slashes_and_names_the_caller(function: str) -> None:
    with gateway(function) as url:
        told = requests.post(f"{url}/function/query/v1/a%2Fb?y=c%2Fd", data=b"abc", timeout=20).json()
        named = requests.get(f"{url}/function/query", headers={"X-Forwarded-Host": "ocr.example"}, timeout=20).json()
        assert requests.post(f"{url}/async-function/query", timeout=20).status_code == 404
    headers = told["headers"]
    assert (told["path"], told["bytes"]) == ("/v1/a/b?y=c%2Fd", 3)
    assert (headers["Host"], headers["X-Forwarded-Host"]) == (function.removeprefix("http://"), url.removeprefix("http://"))
    assert headers["X-Forwarded-For"].startswith("127.0.0.1:")
    assert headers["X-Call-Id"]
    assert headers["X-Start-Time"]
    assert headers["Transfer-Encoding"] == "chunked"
    assert named["headers"]["X-Forwarded-Host"] == "ocr.example"


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "DELETE"])
@pytest.mark.parametrize("status", [429, 503])
def test_status_and_retry_after_pass_the_gateway(function: str, method: str, status: int) -> None:
    with gateway(function) as url:
        answer = requests.request(method, f"{url}/function/query/status/{status}", timeout=20)
    assert (answer.status_code, answer.headers["Retry-After"], answer.json()["method"]) == (status, "7", method)


def test_past_its_own_time_out_the_gateway_gives_502(function: str) -> None:
    with gateway(function, 0.5) as url:
        assert requests.get(f"{url}/function/query/sleep/3", timeout=20).status_code == 502


def test_where_the_connection_is_cut_a_post_is_500_and_a_get_comes_again_until_the_gateway_gives_up(function: str) -> None:
    with watchdog(function, exec_timeout=0.2, write_timeout=0.2) as (upstream, _), gateway(upstream, 1.5) as url:
        assert requests.post(f"{url}/function/query/sleep/2", timeout=20).status_code == 500
        began = time.monotonic()
        assert requests.get(f"{url}/function/query/sleep/2", timeout=20).status_code == 502
        assert time.monotonic() - began > 1.4


# --- Knative's queue-proxy


@contextmanager
def queue_proxy(function: str, **environ: object) -> Iterator[tuple[str, str, subprocess.Popen[bytes]]]:
    port, admin = free_port(), free_port()
    given = {"USER_PORT": function.rpartition(":")[2], "QUEUE_SERVING_PORT": port, "ADMIN_PORT": admin, "QUIET_SECONDS": 0.5}
    with double("queue_proxy", **given, **environ) as process:
        yield f"http://127.0.0.1:{port}", f"http://127.0.0.1:{admin}", process


def test_queue_proxy_queues_ten_times_its_concurrency_and_refuses_the_rest_with_503(function: str) -> None:
    with queue_proxy(function, CONTAINER_CONCURRENCY=1) as (url, _, _), ThreadPoolExecutor(20) as pool:
        held = pool.submit(requests.get, f"{url}/sleep/2", timeout=20)
        time.sleep(0.5)
        crowd = [pool.submit(requests.get, url, timeout=20) for _ in range(15)]
        probed = requests.get(url, headers={"K-Kubelet-Probe": "queue"}, timeout=20)
        told = sorted(call.result().status_code for call in crowd)
        assert (probed.status_code, held.result().status_code) == (200, 200)
    assert told == [200] * 10 + [503] * 5


def test_queue_proxy_gives_504_over_its_time_out(function: str) -> None:
    with queue_proxy(function, REVISION_TIMEOUT_SECONDS=0.5) as (url, _, _):
        late = requests.get(f"{url}/sleep/3", timeout=20)
    assert (late.status_code, late.text) == (504, "request timeout")


def test_queue_proxy_adds_what_knative_adds(function: str) -> None:
    with queue_proxy(function) as (url, _, _):
        given = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Host": "ocr.example"}
        told = requests.post(url, data=b"abc", headers=given, timeout=20).json()["headers"]
    assert told["X-Forwarded-For"] == "203.0.113.9, 127.0.0.1"
    assert told["Forwarded"] == "for=203.0.113.9;host=ocr.example;proto=http"
    assert {"K-Proxy-Request", "X-Request-Id", "X-Forwarded-Proto"} <= set(told)


def test_queue_proxy_drains_before_the_hook_lets_the_function_be_ended(function: str) -> None:
    probe = {"K-Network-Probe": "queue"}
    with queue_proxy(function) as (url, admin, process), ThreadPoolExecutor(2) as pool:
        assert requests.get(url, headers=probe, timeout=20).status_code == 200
        held = pool.submit(requests.get, f"{url}/sleep/2", timeout=20)
        hook = pool.submit(requests.get, f"{admin}/wait-for-drain", timeout=20)
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        assert requests.get(url, headers=probe, timeout=20).status_code == 503
        assert requests.get(url, timeout=20).status_code == 200  # it goes on serving
        assert not hook.done()
        assert held.result().status_code == 200
        assert hook.result().status_code == 200
        assert process.wait(timeout=20) == 0
