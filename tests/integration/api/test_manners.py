"""HTTP's own manners: HEAD, OPTIONS, CORS, caches, request ids, logs, metrics, threads, and how a server ends."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from docusnap.adapters.postgres.ledger import PostgresLedger
from docusnap.api import openapi

from tests.support import recognised
from tests.support.api import EVENTS_TOKEN, Server, Tenant, serve

ORIGIN = "https://app.example"


@pytest.fixture
def document(alice: Tenant, bucket: str, ledger: PostgresLedger) -> str:
    found = alice.send()
    alice.notify(f"uploads/alice-{found}", bucket=bucket)
    recognised.recognise(ledger, [["one"]])
    return found


@pytest.mark.parametrize("path", ["", "/content", "/content?format=text", "/original", "/content?page=9"])
def test_head_answers_as_get_without_a_body(alice: Tenant, document: str, path: str) -> None:
    get, head = (alice.call(method, f"/v1/documents/{document}{path}") for method in ("GET", "HEAD"))
    assert (head.status_code, head.content) == (get.status_code, b"")
    differing = {"Date", "X-Request-Id", "Location"}
    told = [{name: value for name, value in answer.headers.items() if name not in differing} for answer in (get, head)]
    if "page=9" in path:  # the problem document names the request
        told = [{**headers, "Content-Length": ""} for headers in told]
    assert told[0] == told[1]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/openapi.json", "/docs", "/metrics", "/events/s3", f"/events/s3/{EVENTS_TOKEN}"])
def test_open_addresses_answer_head(server: Server, path: str) -> None:
    answer = server.call("HEAD", path)
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("path", openapi.templates())
def test_options_is_answered_without_a_key(server: Server, path: str) -> None:
    answer = server.call("OPTIONS", path.replace("{id}", "0" * 32).replace("{token}", "x"), headers={"Origin": ORIGIN})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Allow"] == ", ".join(openapi.methods(path))
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_an_origin_that_the_operator_named_may_call(
    environ: dict[str, str], tmp_path: Path, database_url: str, tenant_of: Callable[[Server, str], Tenant]
) -> None:
    with serve(tmp_path, {**environ, "CORS_ORIGINS": f"{ORIGIN}, http://localhost:3000"}) as server:
        alice = tenant_of(server, "alice")
        preflight = server.call("OPTIONS", "/v1/documents", headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST"})
        assert preflight.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
        for name in ("Authorization", "Content-Type", "Idempotency-Key"):
            assert name in preflight.headers["Access-Control-Allow-Headers"]
        for answer in (alice.get("/v1/documents", headers={"Origin": ORIGIN}), server.get("/v1/documents", headers={"Origin": ORIGIN})):
            assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
            assert {"Location", "Retry-After"} <= set(answer.headers["Access-Control-Expose-Headers"].split(", "))
        other = alice.get("/v1/documents", headers={"Origin": "https://evil.example"})
        assert "Access-Control-Allow-Origin" not in other.headers
        for answer in (other, preflight, alice.get("/v1/documents"), server.get("/nowhere")):
            assert "Origin" in answer.headers["Vary"]


def test_a_star_lets_every_origin_call(environ: dict[str, str], tmp_path: Path) -> None:
    with serve(tmp_path, {**environ, "CORS_ORIGINS": "*"}) as server:
        assert server.get("/healthz", headers={"Origin": ORIGIN}).headers["Access-Control-Allow-Origin"] == "*"


def test_content_depends_on_the_origin_and_on_accept(
    environ: dict[str, str], tmp_path: Path, alice: Tenant, document: str, database_url: str
) -> None:
    with serve(tmp_path, {**environ, "CORS_ORIGINS": ORIGIN}) as server:
        answer = Tenant(server, alice.key).get(f"/v1/documents/{document}/content", headers={"Origin": ORIGIN})
    assert set(answer.headers["Vary"].split(", ")) == {"Accept", "Origin"}


def test_no_cache_keeps_a_tenants_answers(alice: Tenant, document: str) -> None:
    for path in ("", f"/{document}", f"/{document}/content", f"/{document}/content?format=text", f"/{document}/original", "/unknown"):
        assert alice.get(f"/v1/documents{path}").headers["Cache-Control"] == "no-store"


def test_a_callers_request_id_is_kept_where_it_is_harmless(server: Server) -> None:
    assert server.get("/healthz", headers={"X-Request-Id": "trace-1.2_3"}).headers["X-Request-Id"] == "trace-1.2_3"
    for bad in ("x" * 65, 'a"b', "a b"):
        assert server.get("/healthz", headers={"X-Request-Id": bad}).headers["X-Request-Id"] != bad


def test_probes_are_the_hosts_own(server: Server) -> None:
    for path in ("/_/health", "/_/ready"):
        assert server.get(path).status_code == 200


def test_each_request_is_one_line_of_json_without_secrets(server: Server, alice: Tenant) -> None:
    before = len(server.log.read_text())
    alice.get("/v1/documents?cursor=secret-cursor", headers={"X-Request-Id": "logged-1"})
    server.post("/events/s3/secret-token", json={}, headers={"X-Request-Id": "logged-2"})
    server.get("/v1/secret-path", headers={"X-Request-Id": "logged-3"})
    text = server.log.read_text()[before:]
    lines = [json.loads(line) for line in text.splitlines()]
    told = {line["request_id"]: (line["method"], line["route"], line["status"]) for line in lines if line.get("message") == "request"}
    assert told == {
        "logged-1": ("GET", "/v1/documents", 400),
        "logged-2": ("POST", "/events/s3/{token}", 401),
        "logged-3": ("GET", "/{proxy+}", 404),
    }
    assert "secret" not in text
    assert alice.key not in text


def test_metrics_count_by_route_over_all_processes(server: Server, alice: Tenant, bucket: str) -> None:
    def count() -> float:
        name = 'docusnap_http_requests_total{method="GET",route="/v1/documents/{id}",status="404"}'
        lines = [line for line in server.get("/metrics").text.splitlines() if line.startswith(name)]
        return float(lines[0].rsplit(" ", 1)[1]) if lines else 0

    before = count()
    for _ in range(20):
        alice.get("/v1/documents/unknown")
    assert count() == before + 20
    document = alice.send()
    alice.notify(f"uploads/alice-{document}", bucket=bucket)
    scraped = server.get("/metrics").text
    for line in ("docusnap_ledger_up 1.0", "docusnap_work_due 1.0", "docusnap_documents_waiting 1.0", "docusnap_dead_letters 0.0"):
        assert line in scraped
    assert "unknown" not in scraped
    assert "docusnap_http_request_seconds_bucket" in scraped


def test_requests_at_once_never_get_anothers_answer(server: Server, tenant_of: Callable[[Server, str], Tenant]) -> None:
    tenants = [tenant_of(server, f"tenant-{number}") for number in range(8)]
    documents = {tenant.key: tenant.create(filename=f"{tenant.key}.png")["id"] for tenant in tenants}

    def call(number: int) -> bool:
        tenant, other = tenants[number % 8], tenants[(number + 1) % 8]
        own = tenant.get(f"/v1/documents/{documents[tenant.key]}", headers={"X-Request-Id": f"r{number}"})
        listed = tenant.get("/v1/documents").json()["items"]
        foreign = tenant.get(f"/v1/documents/{documents[other.key]}")
        made = tenant.post("/v1/documents", {"filename": "", "content_type": "x"})
        return (
            own.json()["filename"] == f"{tenant.key}.png"
            and own.headers["X-Request-Id"] == f"r{number}"
            and [item["id"] for item in listed] == [documents[tenant.key]]
            and foreign.status_code == 404
            and made.json()["code"] == "invalid_body"
        )

    with ThreadPoolExecutor(32) as pool:
        assert all(pool.map(call, range(200)))


def test_one_key_sent_many_times_at_once_makes_one_document(alice: Tenant) -> None:
    def send(_: int) -> tuple[int, str]:
        body = {"filename": "a", "content_type": "image/png"}
        answer = alice.post("/v1/documents", body, headers={"Idempotency-Key": "once"})
        return answer.status_code, answer.json()["id"]

    with ThreadPoolExecutor(16) as pool:
        answers = set(pool.map(send, range(16)))
    assert len(answers) == 1
    assert len(alice.get("/v1/documents").json()["items"]) == 1


def test_sigterm_lets_readers_go_and_ends_the_server(
    environ: dict[str, str], tmp_path: Path, bucket: str, ledger: PostgresLedger, tenant_of: Callable[[Server, str], Tenant]
) -> None:
    with serve(tmp_path, {**environ, "WEB_CONCURRENCY": "1"}) as server:
        alice = tenant_of(server, "alice")
        document = alice.send()
        alice.notify(f"uploads/alice-{document}", bucket=bucket)
        answers: list[requests.Response] = []
        reader = threading.Thread(target=lambda: answers.append(alice.get(f"/v1/documents/{document}?wait=25")))
        reader.start()
        while "docusnap_http_requests_in_progress 2.0" not in server.get("/metrics").text:
            continue
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=20) == 0
        reader.join()
    assert (answers[0].status_code, answers[0].json()["status"]) == (200, "queued")
