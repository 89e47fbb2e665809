"""What goes through with a call, whom the function believes, and methods and addresses as proxies change them."""

from __future__ import annotations

from tests.conformance.checks.bodies import BODY
from tests.conformance.target import Target
from tests.conformance.world import World, check, problem
from tests.support.api import EVENTS_TOKEN

FORWARDED = {
    "X-Forwarded-Host": "ocr.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Prefix": "/scans",
    "X-Forwarded-For": "203.0.113.9:51234",
    "Forwarded": 'for="[2001:db8::1]:4711";host=ocr.example;proto=https',
}


@check()
def a_callers_request_id_comes_back_and_a_harmful_one_does_not(world: World) -> None:
    query = world.target("query")
    assert query.get("/healthz", headers={"X-Request-Id": "trace-1.2_3"}).headers["X-Request-Id"] == "trace-1.2_3"
    for bad in ("x" * 65, 'a"b', "a b"):
        assert query.get("/healthz", headers={"X-Request-Id": bad}).headers["X-Request-Id"] != bad


@check("bare", "openfaas")
def openfaass_call_id_is_the_request_id_where_there_is_no_other(world: World) -> None:
    query, ocr = world.target("query"), world.target("ocr")
    for answer in (query.get("/healthz", headers={"X-Call-Id": "call-7"}), ocr.post("/", headers={"X-Call-Id": "call-7"})):
        assert answer.headers["X-Request-Id"] == "call-7"
    both = query.get("/healthz", headers={"X-Call-Id": "call-7", "X-Request-Id": "mine"})
    assert both.headers["X-Request-Id"] == "mine"


@check()
def the_authorization_decides_and_nothing_else(world: World) -> None:
    query = world.target("query")
    assert world.at(query).get("/v1/documents").status_code == 200
    problem(query.get("/v1/documents"), 401, "missing_key")
    wrong = query.get("/v1/documents", headers={"Authorization": "Bearer wrong"})
    problem(wrong, 401, "invalid_key")
    assert wrong.headers["WWW-Authenticate"].startswith("Bearer")
    problem(world.target("intake").post("/events/s3", json={}, headers={"Authorization": "Bearer wrong"}), 401, "invalid_events_token")
    assert world.target("intake").call("HEAD", f"/events/s3/{EVENTS_TOKEN}").status_code == 200


def location(world: World, target: Target, **headers: str) -> str:
    """The link to a new document, without the identifier."""
    answer = world.at(target).call("POST", "/v1/documents", data=BODY, headers={**FORWARDED, **headers})
    assert answer.status_code == 201, answer.text
    return str(answer.headers["Location"]).removesuffix(answer.json()["id"])


@check()
def a_link_names_the_forwarded_host_only_where_the_proxy_is_trusted(world: World) -> None:
    path = "/v1/documents/"
    assert location(world, world.target("upload")) == path
    with world.serve("upload", TRUSTED_PROXIES="127.0.0.0/8") as target:
        assert location(world, target) == f"https://ocr.example/scans{path}"
        for bad in ("evil.example/x", "a b", "x@y", "<x>"):
            assert location(world, target, **{"X-Forwarded-Host": bad}) == path
    with world.serve("upload", TRUSTED_PROXIES="192.0.2.0/24") as target:
        assert location(world, target) == path


@check()
def whatever_stands_in_forwarded_headers_breaks_nothing(world: World) -> None:
    for value in ("203.0.113.9:51234", "[2001:db8::1]:443", "unknown", "a, b, c:1", "x" * 4000, "for=_hidden;;"):
        for name in FORWARDED:
            answer = world.at(world.target("query")).get("/v1/documents", headers={name: value})
            assert answer.status_code == 200, (name, value[:50], answer.status_code)


@check()
def head_answers_as_get_without_a_body_and_options_without_a_key(world: World) -> None:
    document = world.uploaded()
    alice = world.at(world.target("query"))
    for path in ("/healthz", f"/v1/documents/{document}", "/v1/documents/unknown", "/openapi.json"):
        get, head = (alice.call(method, path) for method in ("GET", "HEAD"))
        assert (head.status_code, head.content) == (get.status_code, b""), path
        assert head.headers["Content-Type"] == get.headers["Content-Type"], path
    asked = world.target("upload").call("OPTIONS", "/v1/documents", headers={"Origin": "https://app.example"})
    assert (asked.status_code, asked.content) == (204, b"")
    assert {"GET", "POST"} <= set(asked.headers["Allow"].split(", "))


@check()
def an_encoded_slash_reaches_nothing_that_a_plain_one_does_not(world: World) -> None:
    """OpenFaaS's gateway decodes it on the way; no identifier has one, so either way it is a clean answer and the same tenant's."""
    document = world.uploaded()
    answer = world.at(world.target("query")).get(f"/v1/documents/{document}%2Fcontent")
    if world.front == "openfaas":
        problem(answer, 409, "not_ready")
    else:
        problem(answer, 404, "not_found")
    for path in ("/v1/documents/%2F", "/v1/documents/%2E%2E%2F", "/v1/documents/a%2Fb%2Fc", f"/v1/documents/{document}%00"):
        assert world.at(world.target("query")).get(path).status_code == 404, path
    assert world.target("intake").post("/events/s3/a%2Fb", json={}).status_code in {401, 404}


@check()
def a_request_that_comes_again_does_its_work_once(world: World) -> None:
    """A proxy sends a GET again; a client sends a POST again with its Idempotency-Key."""
    document = world.uploaded()
    reader, writer = world.at(world.target("query")), world.at(world.target("upload"))
    first, second = (reader.get(f"/v1/documents/{document}", headers={"X-Request-Id": "same"}) for _ in range(2))
    assert (first.status_code, first.json()) == (200, second.json())
    made = [writer.call("POST", "/v1/documents", data=BODY, headers={"Idempotency-Key": "k"}).json()["id"] for _ in range(3)]
    assert len(set(made)) == 1
    assert len(reader.get("/v1/documents").json()["items"]) == 2


@check()
def a_cloud_event_is_taken_as_the_notification_that_it_carries(world: World) -> None:
    """As Knative's Broker delivers: the attributes in headers, the store's own JSON as the body; the token is in the address."""
    document = world.at(world.target("upload")).send()
    record = {"bucket": {"name": world.bucket}, "object": {"key": f"uploads/alice-{document}"}}
    told = world.target("intake").post(
        f"/events/s3/{EVENTS_TOKEN}",
        json={"Records": [{"eventSource": "minio:s3", "eventName": "s3:ObjectCreated:Put", "s3": record}]},
        headers={"Ce-Id": "1", "Ce-Specversion": "1.0", "Ce-Type": "s3.object.created", "Ce-Source": "minio", "Prefer": "reply"},
    )
    assert (told.status_code, told.content) == (200, b""), told.text  # a Broker takes a body for a failure
    assert world.at(world.target("query")).get(f"/v1/documents/{document}").json()["status"] == "queued"
