"""Dead letters over HTTP: what an operator sees of all tenants, tries again, and puts aside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from docusnap.adapters.postgres.ledger import PostgresLedger
from docusnap.model import Scope

from tests.integration.api.test_openapi import assert_documented
from tests.support import recognised
from tests.support.api import Server, Tenant, serve

SECRET = "a word that nobody but its owner may read"
DEAD, REDRIVE, DROP = "/v1/dead", "/v1/dead/redrive", "/v1/dead/drop"


@pytest.fixture
def operator(server: Server, ledger: PostgresLedger) -> Tenant:
    return Tenant(server, ledger.create_key("operations", {Scope.OPERATOR}))


@pytest.fixture
def failed(bucket: str, ledger: PostgresLedger) -> Callable[..., str]:
    """A document of a tenant whose pages ended so."""

    def fail(tenant: Tenant, name: str, *pages: str, code: str = "engine_failed") -> str:
        document = tenant.send()
        assert tenant.notify(f"uploads/{name}-{document}", bucket=bucket).json()["queued"] == 1
        recognised.split(ledger, len(pages))
        for outcome in pages:
            recognised.finish(ledger, SECRET) if outcome == "done" else recognised.fail(ledger, code, rejected=outcome == "rejected")
        return document

    return fail


def ids(answer: Any) -> Sequence[str]:
    return [item["id"] for item in answer.json()["items"]]


def test_an_operator_sees_the_letters_of_all_tenants_and_no_text(
    operator: Tenant, alice: Tenant, bob: Tenant, failed: Callable[..., str]
) -> None:
    whole, partial = failed(alice, "alice", "failed"), failed(bob, "bob", "done", "failed")
    answer = operator.get(DEAD)
    assert_documented(answer, DEAD, "get")
    assert ids(answer) == [partial, whole]
    assert SECRET not in answer.text
    letter = answer.json()["items"][0]
    assert (letter.pop("failed_at"), letter.pop("created_at")) > ("2020", "2020")
    assert letter == {
        "id": partial,
        "tenant": "bob",
        "filename": "scan.png",
        "status": "partial",
        "revision": 1,
        "code": "engine_failed",
        "message": "It did not work.",
        "page": 2,
        "pages": {"total": 2, "done": 1, "failed": 1},
        "failures": 1,
        "lost": 0,
    }


def test_one_letter_shows_every_page_that_failed_and_no_text(operator: Tenant, alice: Tenant, failed: Callable[..., str]) -> None:
    document = failed(alice, "alice", "rejected", "done", "failed")
    answer = operator.get(f"{DEAD}/{document}")
    assert_documented(answer, "/v1/dead/{id}", "get")
    assert SECRET not in answer.text
    pages = [(page["number"], page["code"], page["failures"], page["rejected"]) for page in answer.json()["failed_pages"]]
    assert pages == [(1, "engine_failed", 1, True), (3, "engine_failed", 1, False)]


def test_a_foreign_object_names_its_source(operator: Tenant, server: Server, s3_client: Any, bucket: str, ledger: PostgresLedger) -> None:
    s3_client.put_object(Bucket=bucket, Key="incoming/dead.png", Body=b"abc")
    operator.notify("incoming/dead.png", bucket=bucket)
    recognised.fail(ledger)
    answer = operator.get(DEAD)
    assert_documented(answer, DEAD, "get")
    assert answer.json()["items"][0]["source"] == {"bucket": bucket, "key": "incoming/dead.png"}
    s3_client.delete_object(Bucket=bucket, Key="incoming/dead.png")


def test_the_list_is_filtered_and_goes_on_after_its_cursor(
    operator: Tenant, alice: Tenant, bob: Tenant, failed: Callable[..., str]
) -> None:
    first, second = failed(alice, "alice", "failed"), failed(bob, "bob", "failed", code="store_denied")
    third = failed(alice, "alice", "failed", code="store_denied")
    assert ids(operator.get(f"{DEAD}?tenant=alice")) == [third, first]
    assert ids(operator.get(f"{DEAD}?code=store_denied")) == [third, second]
    assert ids(operator.get(f"{DEAD}?tenant=bob&code=engine_failed")) == []
    page = operator.get(f"{DEAD}?limit=2")
    rest = operator.get(f"{DEAD}?limit=2&cursor={page.json()['next_cursor']}")
    assert (ids(page), ids(rest), rest.json()["next_cursor"]) == ([third, second], [first], None)


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "cursor=bogus", "tenant=A%00", "tenant=", "code=no-code"])
def test_a_query_that_is_not_allowed_is_refused(operator: Tenant, query: str) -> None:
    answer = operator.get(f"{DEAD}?{query}")
    assert answer.status_code == 400
    assert_documented(answer, DEAD, "get")


CALLS = [("GET", DEAD), ("GET", f"{DEAD}/{'0' * 32}"), ("POST", REDRIVE), ("POST", DROP)]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_only_an_operators_key_opens_them(server: Server, alice: Tenant, method: str, path: str) -> None:
    nobody, user = server.call(method, path, json={"filter": {}}), alice.call(method, path, json={"filter": {}})
    assert (nobody.status_code, nobody.json()["code"]) == (401, "missing_key")
    assert (user.status_code, user.json()["code"]) == (403, "insufficient_scope")


def test_a_key_of_an_operator_alone_reads_no_documents(operator: Tenant, alice: Tenant, failed: Callable[..., str]) -> None:
    document = failed(alice, "alice", "done", "failed")
    assert operator.get(f"/v1/documents/{document}/content").status_code == 403


@pytest.mark.parametrize("document", ["0" * 32, "bogus", "%00"])
def test_what_is_no_letter_is_not_found(operator: Tenant, document: str) -> None:
    answer = operator.get(f"{DEAD}/{document}")
    assert (answer.status_code, answer.json()["code"]) == (404, "dead_letter_not_found")
    assert_documented(answer, "/v1/dead/{id}", "get")


def test_redrive_and_drop_are_no_letters(operator: Tenant) -> None:
    for path in (REDRIVE, DROP):
        assert (operator.get(path).status_code, operator.get(path).headers["Allow"]) == (405, "POST, OPTIONS")


# --- redrive


@pytest.mark.parametrize("pages", [["failed"], ["done", "failed"]], ids=["failed", "partial"])
def test_a_letter_is_redriven_and_its_document_succeeds(
    operator: Tenant, alice: Tenant, failed: Callable[..., str], ledger: PostgresLedger, pages: Sequence[str]
) -> None:
    document = failed(alice, "alice", *pages)
    answer = operator.post(REDRIVE, {"ids": [document]})
    assert (answer.status_code, answer.json()) == (202, {"count": 1, "more": False})
    assert_documented(answer, REDRIVE, "post")
    running = alice.get(f"/v1/documents/{document}").json()
    assert (running["status"], running["pages"]["failed"], "error" in running) == ("processing" if "done" in pages else "queued", 0, False)
    assert ids(operator.get(DEAD)) == []
    if "done" in pages:
        assert alice.get(f"/v1/documents/{document}/content?page=1&format=text").text == SECRET
        assert alice.get("/v1/search?q=nobody").json()["items"][0]["document_id"] == document
    assert alice.get(f"/v1/documents/{document}/content").json()["code"] == "not_ready"
    recognised.finish(ledger, "at last")
    done = alice.get(f"/v1/documents/{document}").json()
    assert (done["status"], done["revision"]) == ("succeeded", 1)
    assert alice.get(f"/v1/documents/{document}/content?format=text").text.endswith("at last")


def test_beside_an_older_text_the_redriven_revision_shows_as_the_next(
    operator: Tenant, alice: Tenant, failed: Callable[..., str], ledger: PostgresLedger
) -> None:
    document = failed(alice, "alice", "done")
    alice.post(f"/v1/documents/{document}/reprocess")
    recognised.fail(ledger)
    assert operator.get(f"{DEAD}/{document}").json()["revision"] == 2
    operator.post(REDRIVE, {"ids": [document]})
    shown = alice.get(f"/v1/documents/{document}").json()
    assert (shown["status"], shown["next_revision"]["revision"], shown["next_revision"]["status"]) == ("succeeded", 2, "queued")
    assert alice.get(f"/v1/documents/{document}/content?format=text").text == SECRET


def test_unknown_ids_and_the_same_twice_are_not_counted(operator: Tenant, alice: Tenant, failed: Callable[..., str]) -> None:
    well, letter = failed(alice, "alice", "done"), failed(alice, "alice", "failed")
    named = [letter, well, letter, "0" * 32, "bogus", "\ud800", "\0"]
    assert operator.post(REDRIVE, {"ids": named}).json() == {"count": 1, "more": False}
    assert operator.post(REDRIVE, {"ids": named}).json() == {"count": 0, "more": False}
    assert operator.post(REDRIVE, {"ids": []}).json() == {"count": 0, "more": False}


def test_a_filter_names_those_it_matches_and_an_empty_one_all(
    operator: Tenant, alice: Tenant, bob: Tenant, failed: Callable[..., str]
) -> None:
    denied, mine = failed(alice, "alice", "failed", code="store_denied"), failed(alice, "alice", "failed")
    failed(bob, "bob", "failed")
    assert operator.post(REDRIVE, {"filter": {"tenant": "bob", "code": "store_denied"}}).json()["count"] == 0
    assert operator.post(REDRIVE, {"filter": {"tenant": "bob"}}).json()["count"] == 1
    assert ids(operator.get(DEAD)) == [mine, denied]
    assert operator.post(REDRIVE, {"filter": {"code": "store_denied"}}).json()["count"] == 1
    assert operator.post(REDRIVE, {"filter": {}}).json() == {"count": 1, "more": False}
    assert alice.get(f"/v1/documents/{mine}").json()["status"] == "queued"


BAD = [
    {},
    {"ids": [], "filter": {}},
    {"ids": [], "force": True},
    {"ids": "0" * 32},
    {"ids": [1]},
    {"ids": ["0"] * 1001},
    {"filter": []},
    {"filter": {"colour": "red"}},
    {"filter": {"tenant": 1}},
    {"filter": {"tenant": "\0"}},
    {"filter": {"code": "\ud800"}},
    [],
]


@pytest.mark.parametrize("body", BAD, ids=[str(body)[:40] for body in BAD])
@pytest.mark.parametrize("path", [REDRIVE, DROP])
def test_what_is_no_choice_is_refused(operator: Tenant, path: str, body: Any) -> None:
    answer = operator.post(path, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body"), answer.text
    assert_documented(answer, path, "post")


def test_a_refusal_names_what_is_wrong(operator: Tenant) -> None:
    assert "Give exactly one of ids, filter." in operator.post(DROP, {}).json()["detail"]
    assert operator.post(DROP, {"filter": {"colour": "red"}}).json()["member"] == "filter.colour"


def test_the_queue_is_filled_to_its_limit_and_no_further(
    environ: dict[str, str], tmp_path: Path, ledger: PostgresLedger, alice: Tenant, failed: Callable[..., str]
) -> None:
    documents = [failed(alice, "alice", "failed") for _ in range(3)]
    with serve(tmp_path, {**environ, "MAX_QUEUED": "2", "WEB_CONCURRENCY": "1"}) as server:
        operator = Tenant(server, ledger.create_key("operations", {Scope.OPERATOR}))
        assert operator.post(REDRIVE, {"filter": {}}).json() == {"count": 2, "more": True}
        refused = operator.post(REDRIVE, {"filter": {}})
        assert (refused.status_code, refused.json()["code"], "Retry-After" in refused.headers) == (429, "too_many_requests", True)
        assert_documented(refused, REDRIVE, "post")
        assert operator.post(REDRIVE, {"ids": documents}).status_code == 429
        recognised.finish(ledger, "text")
        assert operator.post(REDRIVE, {"ids": ["0" * 32, *documents]}).json() == {"count": 1, "more": True}
        assert ids(operator.get(DEAD)) == []


# --- drop


def test_a_dropped_letter_is_off_the_list_and_its_document_is_as_it_was(
    operator: Tenant, alice: Tenant, bob: Tenant, failed: Callable[..., str]
) -> None:
    document, other = failed(alice, "alice", "done", "failed"), failed(bob, "bob", "failed")
    before = alice.get(f"/v1/documents/{document}").json()
    answer = operator.post(DROP, {"filter": {"tenant": "alice"}})
    assert (answer.status_code, answer.json()) == (202, {"count": 1, "more": False})
    assert_documented(answer, DROP, "post")
    assert ids(operator.get(DEAD)) == [other]
    assert operator.get(f"{DEAD}/{document}").status_code == 404
    assert alice.get(f"/v1/documents/{document}").json() == before
    assert alice.get(f"/v1/documents/{document}/content?page=1&format=text").text == SECRET


def test_letters_are_counted_for_who_watches(operator: Tenant, alice: Tenant, failed: Callable[..., str]) -> None:
    failed(alice, "alice", "failed")
    assert "docusnap_dead_letters 1.0" in operator.server.get("/metrics").text
