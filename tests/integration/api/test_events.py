"""Notifications over HTTP: who may send them, and what becomes of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from docusnap.adapters.postgres.schema import parked_event
from docusnap.api.intake import create_handler
from docusnap.bootstrap import Parts
from docusnap.hosts.http import api_host
from docusnap.notification import is_sns

from tests.support.api import EVENTS_TOKEN, Server, Tenant
from tests.support.wsgi import ask

EVENTS = Path(__file__).parents[3] / "events"
EMPTY = {"Records": []}


@pytest.mark.parametrize("header", [f"Bearer {EVENTS_TOKEN}", f"bearer {EVENTS_TOKEN}", f"Bearer Bearer {EVENTS_TOKEN}"])
def test_the_token_is_taken_as_any_minio_sends_it(server: Server, header: str) -> None:
    assert server.post("/events/s3", json=EMPTY, headers={"Authorization": header}).status_code == 200


def test_the_token_is_taken_from_the_path(server: Server) -> None:
    assert server.post(f"/events/s3/{EVENTS_TOKEN}", json=EMPTY).status_code == 200


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer wrong", f"Basic {EVENTS_TOKEN}", EVENTS_TOKEN, f"Bearer {EVENTS_TOKEN}x"])
def test_without_the_token_nothing_is_taken(server: Server, header: str | None) -> None:
    answer = server.post("/events/s3", data=b"not even json", headers={} if header is None else {"Authorization": header})
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_events_token")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("token", ["wrong", "%C3%A9", "%00", EVENTS_TOKEN[:-1], f"{EVENTS_TOKEN}%20"])
def test_a_wrong_token_in_the_path_is_refused(server: Server, token: str) -> None:
    answer = server.post(f"/events/s3/{token}", json=EMPTY)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_events_token")


def test_an_api_key_is_no_events_token(alice: Tenant) -> None:
    assert alice.post("/events/s3", EMPTY).status_code == 401


def test_where_no_token_is_set_no_token_is_right(environ: dict[str, str]) -> None:
    host = api_host(create_handler(lambda: Parts(environ)))
    for header in ("", "Bearer", "Bearer None"):
        assert ask(host, "POST", "/events/s3", body=b'{"Records":[]}', authorization=header).status == 401


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b'{"a":1}', b'{"Records":[{}]}', b"\xff"], ids=repr)
def test_what_is_no_notification_is_unparsable(server: Server, body: bytes) -> None:
    answer = server.post(f"/events/s3/{EVENTS_TOKEN}", data=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "notification_unparsable")


def test_a_notification_beyond_the_limit_is_too_large(server: Server) -> None:
    answer = server.post(f"/events/s3/{EVENTS_TOKEN}", data=b" " * 20_001)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def parked(database_url: str) -> list[tuple[str, str, str]]:
    engine = sa.create_engine(database_url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        rows = connection.execute(sa.select(parked_event.c.code, parked_event.c.bucket, parked_event.c.key).order_by(parked_event.c.id))
        return [(row.code, row.bucket, row.key) for row in rows]


def test_what_nobody_knows_is_parked_with_its_code(alice: Tenant, bucket: str, database_url: str, s3_client: Any) -> None:
    s3_client.put_object(Bucket=bucket, Key="uploads/alice-unknown", Body=b"abc")
    keys = ["", "elsewhere/a.png", "incoming/absent.png", "uploads/alice-unknown", "incoming/%00"]
    told = alice.notify(*keys, bucket=bucket)
    assert (told.status_code, told.json()) == (200, {"records": 5, "queued": 0, "parked": 5})
    assert alice.notify("incoming/a.png", bucket="another").json()["parked"] == 1
    stored = ["", "elsewhere/a.png", "incoming/absent.png", "uploads/alice-unknown", "incoming/\ufffd"]
    assert parked(database_url) == [*(("unknown_key", bucket, key) for key in stored), ("unknown_bucket", "another", "incoming/a.png")]


def test_one_bad_record_does_not_lose_the_others(alice: Tenant, bucket: str) -> None:
    first, second = alice.send(), alice.send()
    told = alice.notify(f"uploads/alice-{first}", "nowhere", f"uploads/alice-{second}", bucket=bucket)
    assert told.json() == {"records": 3, "queued": 2, "parked": 1}
    assert {item["status"] for item in alice.get("/v1/documents").json()["items"]} == {"queued"}


def test_an_event_that_comes_again_changes_nothing(alice: Tenant, bucket: str) -> None:
    document = alice.send()
    first, second = (alice.notify(f"uploads/alice-{document}", bucket=bucket).json() for _ in range(2))
    assert (first["queued"], second) == (1, {"records": 1, "queued": 0, "parked": 0})


def test_a_folder_that_a_console_made_is_no_document(alice: Tenant, bucket: str, database_url: str) -> None:
    assert alice.notify("incoming/new/", bucket=bucket).json() == {"records": 1, "queued": 0, "parked": 0}
    assert parked(database_url) == []


def test_an_event_before_its_upload_is_not_held_against_the_document(alice: Tenant, bucket: str, database_url: str) -> None:
    document = alice.create()["id"]
    assert alice.notify(f"uploads/alice-{document}", bucket=bucket).json() == {"records": 1, "queued": 0, "parked": 0}
    assert parked(database_url) == []


BY_TOKEN = [
    path
    for path in sorted(EVENTS.glob("*/test-event.json")) + sorted(EVENTS.glob("*/*removed.json"))
    if not is_sns(json.loads(path.read_text("utf-8")))
]


@pytest.mark.parametrize("path", BY_TOKEN, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_test_events_and_removals_are_taken(server: Server, path: Path) -> None:
    answer = server.post(f"/events/s3/{EVENTS_TOKEN}", json=json.loads(path.read_text("utf-8")))
    assert (answer.status_code, answer.json()) == (200, {"records": 0, "queued": 0, "parked": 0})
