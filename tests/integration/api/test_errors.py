"""Everything a caller can do wrong, and every part that can be away: each with its status, its code, and a problem document."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from chalice.app import Response
from docusnap import errors
from docusnap.adapters.postgres.ledger import PostgresLedger
from docusnap.api.app import App, Call
from docusnap.bootstrap import Parts
from docusnap.hosts.http import api_host
from docusnap.model import Scope

from tests.support.api import EVENTS_TOKEN, Server, Tenant, serve
from tests.support.ports import free_port
from tests.support.wsgi import ask

BY_CODE = {error.code: error for error in errors.catalogue()}
NOBODY = "0" * 32


def assert_problem(answer: requests.Response, status: int, code: str) -> dict[str, Any]:
    """The answer is this problem, with the headers that its status asks for."""
    problem: dict[str, Any] = json.loads(answer.content)
    assert (answer.status_code, problem["code"]) == (status, code), answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["status"] == status == BY_CODE[code].http_status
    assert {"type", "title", "detail"} <= set(problem)
    assert problem["instance"] == answer.headers["X-Request-Id"]
    assert "Traceback" not in answer.text
    assert answer.headers.get("WWW-Authenticate") == ("Bearer" if status == 401 else None)
    assert ("Retry-After" in answer.headers) == BY_CODE[code].retryable
    return problem


PATHS = [
    "/v1/documents",
    f"/v1/documents/{NOBODY}",
    f"/v1/documents/{NOBODY}/content",
    f"/v1/documents/{NOBODY}/original",
    "/v1/search?q=x",
]


@pytest.mark.parametrize("path", PATHS)
def test_without_a_key_nothing_is_read(server: Server, path: str) -> None:
    assert_problem(server.get(path), 401, "missing_key")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "token"])
def test_another_scheme_is_no_key(server: Server, header: str) -> None:
    assert_problem(server.get("/v1/documents", headers={"Authorization": header}), 401, "missing_key")


@pytest.mark.parametrize("key", ["wrong", "ds_" + "x" * 43, "x" * 5000, "é", "a b", "' OR 1=1 --"])
def test_a_wrong_key_is_refused(server: Server, key: str) -> None:
    answer = server.get("/v1/documents", headers={"Authorization": f"Bearer {key}".encode()})
    assert_problem(answer, 401, "invalid_key")


def test_the_scheme_may_be_written_in_any_case(alice: Tenant) -> None:
    for scheme in ("bearer", "BEARER", "Bearer  "):
        assert alice.server.get("/v1/documents", headers={"Authorization": f"{scheme} {alice.key}"}).status_code == 200


def test_a_revoked_key_is_refused_at_once(alice: Tenant, ledger: PostgresLedger) -> None:
    assert alice.get("/v1/documents").status_code == 200
    (key,) = ledger.keys()
    ledger.revoke_key(key.id)
    assert_problem(alice.get("/v1/documents"), 401, "invalid_key")


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/documents"), ("GET", "/v1/search?q=x"), ("DELETE", f"/v1/documents/{NOBODY}")])
def test_an_operators_key_reads_no_documents(server: Server, ledger: PostgresLedger, method: str, path: str) -> None:
    operator = Tenant(server, ledger.create_key("ops", {Scope.OPERATOR}))
    assert_problem(operator.call(method, path), 403, "insufficient_scope")


CALLS = [
    ("GET", ""),
    ("GET", "/content"),
    ("GET", "/original"),
    ("POST", "/reprocess"),
    ("POST", "/cancel"),
    ("DELETE", ""),
]


@pytest.mark.parametrize(("method", "call"), CALLS)
def test_another_tenants_document_is_not_there(alice: Tenant, bob: Tenant, method: str, call: str) -> None:
    document = alice.create()["id"]
    assert_problem(bob.call(method, f"/v1/documents/{document}{call}"), 404, "document_not_found")
    assert alice.get(f"/v1/documents/{document}").json()["status"] == "awaiting_upload"


@pytest.mark.parametrize("name", [NOBODY, "x", "x" * 8000, "%00", "%C3%A9", "%27%3B--", "..%5c", NOBODY + "%20", "%F0%9F%98%80"])
@pytest.mark.parametrize(("method", "call"), CALLS)
def test_an_unknown_id_is_not_found(alice: Tenant, method: str, call: str, name: str) -> None:
    assert_problem(alice.call(method, f"/v1/documents/{name}{call}"), 404, "document_not_found")


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PUT", "OPTIONS"])
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/documents/",
        f"/v1/documents/{NOBODY}/",
        f"/v1/documents/{NOBODY}/content/more",
        f"/v1/documents/{NOBODY}%2Fcontent",
        "//v1/documents",
        "/v1/documents;x=1",
        "/v2/documents",
        "/events",
        "/events/s3/a/b",
        "/metrics/",
        "/%ff",
    ],
)
def test_an_address_that_leads_nowhere_is_not_found(alice: Tenant, method: str, path: str) -> None:
    assert_problem(alice.call(method, path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/documents", "GET, POST, HEAD, OPTIONS"),
        ("PATCH", f"/v1/documents/{NOBODY}", "GET, DELETE, HEAD, OPTIONS"),
        ("GET", f"/v1/documents/{NOBODY}/cancel", "POST, OPTIONS"),
        ("POST", f"/v1/documents/{NOBODY}/content", "GET, HEAD, OPTIONS"),
        ("POST", "/healthz", "GET, HEAD, OPTIONS"),
        ("DELETE", "/metrics", "GET, HEAD, OPTIONS"),
        ("GET", "/events/s3", "HEAD, POST, OPTIONS"),
        ("TRACE", "/v1/search", "GET, HEAD, OPTIONS"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(alice: Tenant, method: str, path: str, allowed: str) -> None:
    answer = alice.call(method, path)
    assert_problem(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == allowed


BODIES = [b"", b"{", b"not json", b"\xff", b'{"a":NaN}', b"[" * 15000, b'\xef\xbb\xbf{"filename":"a"}']


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:10]))
def test_what_is_no_json_is_malformed(alice: Tenant, body: bytes) -> None:
    assert_problem(alice.call("POST", "/v1/documents", data=body), 400, "malformed_json")


GOOD = {"filename": "a.png", "content_type": "image/png", "size": 3}


@pytest.mark.parametrize(
    ("change", "member"),
    [
        ({"filename": None}, "filename"),
        ({"filename": 5}, "filename"),
        ({"filename": ""}, "filename"),
        ({"filename": "x" * 256}, "filename"),
        ({"filename": "a\nb"}, "filename"),
        ({"filename": "a\n"}, "filename"),
        ({"filename": "a\0"}, "filename"),
        ({"filename": "\ud800"}, "filename"),
        ({"filename": "a/.."}, "filename"),
        ({"content_type": ""}, "content_type"),
        ({"content_type": "image/png\r\nX-Amz-Acl: public-read"}, "content_type"),
        ({"content_type": "image/png\n"}, "content_type"),
        ({"content_type": "ima\u00e9ge/png"}, "content_type"),
        ({"content_type": ["image/png"]}, "content_type"),
        ({"size": "3"}, "size"),
        ({"size": True}, "size"),
        ({"size": 3.5}, "size"),
        ({"size": -1}, "size"),
        ({"size": None}, "size"),
        ({"sha256": "abc"}, "sha256"),
        ({"sha256": "g" * 64}, "sha256"),
        ({"sha256": "0" * 63 + "\n"}, "sha256"),
        ({"method": "put"}, "method"),
        ({"method": "DELETE"}, "method"),
        ({"ocr": "always"}, "ocr"),
        ({"ocr": {}}, "ocr"),
        ({"tenant": "bob"}, "tenant"),
        ({"\ud800": 1}, "?"),
    ],
    ids=str,
)
def test_a_member_that_is_wrong_is_named(alice: Tenant, change: dict[str, Any], member: str) -> None:
    problem = assert_problem(alice.post("/v1/documents", {**GOOD, **change}), 422, "invalid_body")
    assert problem["member"] == member
    assert problem["detail"].startswith(f"{member}: ")


@pytest.mark.parametrize("missing", ["filename", "content_type"])
def test_a_member_that_is_missing_is_named(alice: Tenant, missing: str) -> None:
    body = {name: value for name, value in GOOD.items() if name != missing}
    assert assert_problem(alice.post("/v1/documents", body), 422, "invalid_body")["member"] == missing


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"7", b"null", b"true"])
@pytest.mark.parametrize("path", ["/v1/documents", f"/v1/documents/{NOBODY}/reprocess", f"/v1/documents/{NOBODY}/cancel"])
def test_a_body_that_is_no_object_is_invalid(alice: Tenant, path: str, body: bytes) -> None:
    assert_problem(alice.call("POST", path, data=body), 422, "invalid_body")


@pytest.mark.parametrize(("call", "body"), [("reprocess", {"ocr": "maybe"}), ("reprocess", {"pages": 1}), ("cancel", {"force": True})])
def test_other_calls_know_their_members_too(alice: Tenant, call: str, body: dict[str, Any]) -> None:
    document = alice.create()["id"]
    assert_problem(alice.post(f"/v1/documents/{document}/{call}", body), 422, "invalid_body")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"size": 0}, 422, "empty_object"),
        ({"size": 100_000_001}, 413, "object_too_large"),
        ({"size": 10**50}, 413, "object_too_large"),
    ],
    ids=str,
)
def test_a_size_that_can_never_work_is_refused(alice: Tenant, change: dict[str, Any], status: int, code: str) -> None:
    assert_problem(alice.post("/v1/documents", {**GOOD, **change}), status, code)


def test_a_number_longer_than_any_is_too_large(alice: Tenant) -> None:
    body = b'{"filename":"a","content_type":"b","size":' + b"9" * 10_000 + b"}"
    assert_problem(alice.call("POST", "/v1/documents", data=body), 413, "object_too_large")


def test_a_put_needs_its_size(alice: Tenant) -> None:
    body = {"filename": "a.png", "content_type": "image/png", "method": "PUT"}
    assert_problem(alice.post("/v1/documents", body), 422, "size_required")


@pytest.mark.parametrize("size", [20_001, 3_000_000, 9_000_000])
@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunked"])
def test_a_body_beyond_the_limit_is_too_large(alice: Tenant, size: int, chunked: bool) -> None:
    body = b'{"filename":"' + b"x" * size + b'"}'
    assert_problem(alice.call("POST", "/v1/documents", data=iter([body]) if chunked else body), 413, "body_too_large")


def test_a_chunked_body_is_read(alice: Tenant) -> None:
    answer = alice.call("POST", "/v1/documents", data=iter([b'{"filename":"a",', b'"content_type":"image/png"}']))
    assert answer.status_code == 201


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "é"])
def test_an_idempotency_key_is_visible_ascii(alice: Tenant, key: str) -> None:
    answer = alice.post("/v1/documents", GOOD, headers={"Idempotency-Key": key.encode()})
    assert_problem(answer, 400, "invalid_header")


@pytest.mark.parametrize(
    "query",
    [
        *(f"limit={text}" for text in ("0", "101", "-1", "x", "", "1.5", "１", "1_0", "99999999999999999999")),
        *(f"status={text}" for text in ("done", "", "QUEUED", "queued,failed")),
    ],
)
def test_a_value_that_a_list_does_not_take_is_refused(alice: Tenant, query: str) -> None:
    problem = assert_problem(alice.get(f"/v1/documents?{query}"), 400, "invalid_query")
    assert problem["parameter"] == query.partition("=")[0]


@pytest.mark.parametrize("wait", ["-1", "25.1", "26", "nan", "inf", "x", "", "1e1", "0x1", "%201", "1_0"])
def test_a_wait_out_of_bounds_is_refused(alice: Tenant, wait: str) -> None:
    assert_problem(alice.get(f"/v1/documents/{alice.create()['id']}?wait={wait}"), 400, "invalid_query")


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "%00", "eyJhIjoxfQ==", "x" * 3000, "%F0%9F%98%80"])
@pytest.mark.parametrize("path", ["/v1/documents?", "/v1/search?q=x&"])
def test_a_cursor_of_nobody_is_refused(alice: Tenant, path: str, cursor: str) -> None:
    assert_problem(alice.get(f"{path}cursor={cursor}"), 400, "invalid_cursor")


def test_a_search_longer_than_any_is_refused(alice: Tenant) -> None:
    assert_problem(alice.get("/v1/search?q=" + "x" * 1001), 400, "invalid_query")


@pytest.mark.parametrize(("method", "call"), [("GET", "/original"), ("POST", "/reprocess")])
def test_before_the_upload_there_is_no_original(alice: Tenant, method: str, call: str) -> None:
    assert_problem(alice.call(method, f"/v1/documents/{alice.create()['id']}{call}"), 409, "not_uploaded")


def test_too_much_waiting_work_is_refused_for_now(
    environ: dict[str, str], tmp_path: Path, database_url: str, bucket: str, tenant_of: Callable[[Server, str], Tenant]
) -> None:
    with serve(tmp_path, {**environ, "MAX_QUEUED": "1", "WEB_CONCURRENCY": "1"}) as server:
        alice = tenant_of(server, "alice")
        document = alice.send()
        alice.notify(f"uploads/alice-{document}", bucket=bucket)
        while (answer := alice.post("/v1/documents", GOOD)).status_code == 201:
            continue  # the count may be a second old
        assert_problem(answer, 429, "too_many_requests")
        assert_problem(alice.post(f"/v1/documents/{document}/reprocess"), 429, "too_many_requests")
        assert alice.get(f"/v1/documents/{document}").status_code == 200


@pytest.fixture
def without_database(environ: dict[str, str], tmp_path: Path) -> Any:
    with serve(tmp_path, {**environ, "DATABASE_URL": f"postgresql://nobody@127.0.0.1:{free_port()}/none"}) as server:
        yield server


def test_without_its_database_every_call_says_so_and_health_stays(without_database: Server) -> None:
    tenant = Tenant(without_database, "key")
    assert_problem(tenant.get("/v1/documents"), 503, "database_unavailable")
    assert_problem(tenant.post("/v1/documents", GOOD), 503, "database_unavailable")
    assert_problem(tenant.notify("incoming/a.png", bucket="elsewhere"), 503, "database_unavailable")
    problem = assert_problem(without_database.get("/readyz"), 503, "unavailable")
    assert problem["missing"] == ["database"]
    assert without_database.get("/healthz").json() == {"status": "ok"}
    assert "docusnap_ledger_up 0.0" in without_database.get("/metrics").text


def test_without_its_store_the_server_is_not_ready_and_events_are_sent_again(
    environ: dict[str, str], tmp_path: Path, database_url: str, bucket: str
) -> None:
    away = {**environ, "S3_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}
    with serve(tmp_path, away) as server:
        assert assert_problem(server.get("/readyz"), 503, "unavailable")["missing"] == ["store"]
        assert_problem(Tenant(server, "").notify("incoming/a.png", bucket=bucket), 503, "store_unavailable")


def test_before_the_migration_the_server_is_not_ready(environ: dict[str, str], tmp_path: Path, empty_database_url: str) -> None:
    with serve(tmp_path, {**environ, "DATABASE_URL": empty_database_url}) as server:
        assert assert_problem(server.get("/readyz"), 503, "unavailable")["missing"] == ["schema_outdated"]


def test_a_bad_setting_is_told_to_the_log_and_not_to_the_client(environ: dict[str, str], tmp_path: Path) -> None:
    with serve(tmp_path, {**environ, "MAX_PAGES": "many", "EVENTS_TOKEN": EVENTS_TOKEN}) as server:
        answer = server.get("/v1/documents", headers={"Authorization": "Bearer x"})
        assert_problem(answer, 500, "configuration_error")
        assert "MAX_PAGES" not in answer.text
        assert "MAX_PAGES" in server.log.read_text()


def test_a_mistake_of_our_own_shows_no_traceback_but_is_logged(environ: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    parts = Parts(environ)
    app = App("mistaken", lambda: parts)

    @app.call(["GET"], "/healthz", scope=None)
    def mistaken(_: Call) -> Response:
        raise ZeroDivisionError("secret detail")

    with caplog.at_level(logging.ERROR):
        reply = ask(api_host(app), "GET", "/healthz", x_request_id="the-request")
    problem = json.loads(reply.body)
    assert (reply.status, problem["code"], problem["instance"]) == (500, "internal_error", "the-request")
    assert b"secret detail" not in reply.body
    assert "ZeroDivisionError: secret detail" in caplog.text
