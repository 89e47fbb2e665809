"""The description is true: what it says is routed, and what is answered is what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
import requests
from docusnap import errors
from docusnap.adapters.postgres.ledger import PostgresLedger
from docusnap.api import openapi
from docusnap.api.intake import create_handler
from docusnap.api.query import create_app as query_app
from docusnap.api.upload import create_app as upload_app
from docusnap.bootstrap import Parts
from jsonschema import Draft202012Validator

from tests.support import recognised
from tests.support.api import EVENTS_TOKEN, Server, Tenant

METHODS = {"get", "head", "post", "put", "patch", "delete"}
OPERATIONS = [(path, method) for path, of in openapi.document()["paths"].items() for method in of if method in METHODS]
NOBODY = "0" * 32


def resolved(value: Any) -> Any:
    while "$ref" in value:
        found: Any = openapi.document()
        for name in value["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        value = found
    return value


def assert_documented(answer: requests.Response, path: str, method: str) -> None:
    """The status is written down for this call, and the body is what its schema says."""
    responses = openapi.document()["paths"][path][method]["responses"]
    assert str(answer.status_code) in responses, answer.text
    response = resolved(responses[str(answer.status_code)])
    if not response.get("content") or method == "head":
        assert answer.content == b""
        return
    kind = answer.headers["Content-Type"].partition(";")[0]
    schema = response["content"][kind]["schema"]
    if "json" in kind:
        # References of the description start at its root: it is put around the schema.
        Draft202012Validator({"components": openapi.document()["components"], **schema}).validate(answer.json())
    if "x-codes" in response:
        assert answer.json()["code"] in response["x-codes"]
    for name in response.get("headers", {}):
        assert name in answer.headers or answer.json().get("code") == "no_content"


def test_every_schema_is_a_schema() -> None:
    for schema in openapi.document()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from ([value["$ref"]] if "$ref" in value else [])
        for member in value.values():
            yield from references(member)
    elif isinstance(value, list):
        for member in value:
            yield from references(member)


def test_every_reference_leads_somewhere_and_every_part_is_referred_to() -> None:
    used = set(references(openapi.document()))
    parts = {f"#/components/{kind}/{name}" for kind, of in openapi.document()["components"].items() for name in of}
    assert used <= parts
    assert parts - used <= {"#/components/securitySchemes/apiKey", "#/components/securitySchemes/eventsToken"}


def test_every_code_is_one_of_ours_with_its_status() -> None:
    by_code = {error.code: str(error.http_status) for error in errors.catalogue()}
    for path, method in OPERATIONS:
        for status, given in openapi.document()["paths"][path][method]["responses"].items():
            for code in resolved(given).get("x-codes", []):
                assert by_code[code] == status, (path, method, code)


def test_request_bodies_take_no_unknown_members() -> None:
    for name in ("CreateDocument", "Reprocess", "ChosenDeadLetters", "Nothing"):
        assert openapi.document()["components"]["schemas"][name]["additionalProperties"] is False


def test_what_the_apps_route_is_what_is_documented() -> None:
    apps: list[Any] = [query_app(lambda: Parts({})), upload_app(lambda: Parts({}))]
    handler: Any = create_handler(lambda: Parts({}))
    routed = {(path, method) for app in [*apps, handler] for path, methods in app.routes.items() for method in methods}
    documented = {(path, method) for path in openapi.templates() for method in openapi.methods(path)}
    gateways_own = {("/metrics", "GET"), ("/metrics", "HEAD")}
    assert routed == documented - gateways_own


@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=lambda value: value)
def test_every_call_is_routed_and_its_refusals_are_documented(server: Server, alice: Tenant, path: str, method: str) -> None:
    concrete = path.replace("{id}", NOBODY).replace("{token}", "wrong")
    for caller in (server, alice):
        answer = caller.call(method.upper(), concrete)
        assert answer.status_code != 405
        assert_documented(answer, path, method)


@pytest.fixture
def document(alice: Tenant, bucket: str, ledger: PostgresLedger) -> str:
    """A document with a page of text, one blank and one that failed."""
    found = alice.send()
    alice.notify(f"uploads/alice-{found}", bucket=bucket)
    recognised.split(ledger, 3)
    recognised.finish(ledger, "Hello 世界")
    recognised.finish(ledger)
    recognised.fail(ledger)
    return found


GOOD = [
    ("/healthz", "get", "", 200),
    ("/readyz", "get", "", 200),
    ("/metrics", "get", "", 200),
    ("/openapi.json", "get", "", 200),
    ("/docs", "get", "", 200),
    ("/v1/documents", "get", "", 200),
    ("/v1/documents", "get", "?limit=1&status=partial", 200),
    ("/v1/documents/{id}", "get", "?wait=1", 200),
    ("/v1/documents/{id}/content", "get", "", 200),
    ("/v1/documents/{id}/content", "get", "?format=text&page=1", 200),
    ("/v1/documents/{id}/content", "get", "?page=9", 404),
    ("/v1/documents/{id}/content", "get", "?format=pdf", 406),
    ("/v1/documents/{id}/original", "get", "", 303),
    ("/v1/search", "get", "?q=hello", 200),
    ("/v1/documents/{id}/cancel", "post", "", 409),
    ("/v1/documents/{id}/reprocess", "post", "", 202),
    ("/v1/documents/{id}", "delete", "", 204),
]


@pytest.mark.parametrize(("path", "method", "query", "status"), GOOD, ids=str)
def test_what_is_answered_is_what_is_described(  # noqa: PLR0917  pytest passes them by name
    alice: Tenant, document: str, path: str, method: str, query: str, status: int
) -> None:
    answer = alice.call(method.upper(), path.replace("{id}", document) + query)
    assert answer.status_code == status
    assert_documented(answer, path, method)


@pytest.mark.parametrize("size", [3, None], ids=["PUT", "POST"])
def test_a_created_document_is_what_is_described(alice: Tenant, size: int | None) -> None:
    members = {"filename": "a", "content_type": "image/png", **({"size": size} if size else {})}
    created = alice.post("/v1/documents", members)
    assert_documented(created, "/v1/documents", "post")
    assert_documented(alice.get(f"/v1/documents/{created.json()['id']}/content"), "/v1/documents/{id}/content", "get")
    assert_documented(alice.post(f"/v1/documents/{created.json()['id']}/cancel"), "/v1/documents/{id}/cancel", "post")


@pytest.mark.parametrize("path", ["/events/s3", "/events/s3/{token}"])
def test_an_event_receipt_is_what_is_described(server: Server, path: str) -> None:
    answer = server.post(path.replace("{token}", EVENTS_TOKEN), json={"Records": []}, headers={"Authorization": f"Bearer {EVENTS_TOKEN}"})
    assert answer.status_code == 200
    assert_documented(answer, path, "post")


class Tags(HTMLParser):
    """What a page would fetch."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.fetched += [str(given[name]) for name in ("src", "srcset", "data", "action") if name in given]
        self.fetched += [str(given.get("href"))] if tag == "link" else []
        assert not [name for name in given if name.startswith("on") or name == "style"], "the policy forbids inline handlers"


def test_the_page_fetches_nothing_from_elsewhere_and_its_policy_sees_to_it(server: Server) -> None:
    answer = server.get("/docs")
    assert Tags(answer.text).fetched == []
    assert "http" not in re.sub(r"https?://json-schema\.org\S*", "", answer.text).replace("http-equiv", "")
    policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["Content-Security-Policy"].split(";"))
    assert (policy["default-src"], policy["connect-src"]) == ("'none'", "'self'")
    assert policy["script-src"].startswith("'sha256-")
    assert policy["style-src"].startswith("'sha256-")
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
