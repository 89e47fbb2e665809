"""Every store's words for a new object, as recorded in events/."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from docusnap.errors import NotificationUnparsable
from docusnap.notification import parse

EVENTS = Path(__file__).parents[2] / "events"
PAYLOADS = sorted(path for path in EVENTS.glob("*/*.json") if not path.name.endswith(".expected.json"))


def record(key: Any = "incoming/a.png", **members: Any) -> dict[str, Any]:
    object_ = {"bucket": {"name": "docusnap"}, "object": {"key": key}}
    return {"eventSource": "minio:s3", "eventName": "s3:ObjectCreated:Put", "s3": object_, **members}


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_recorded_payload_is_understood(path: Path) -> None:
    expected = json.loads(path.with_name(f"{path.stem}.expected.json").read_text("utf-8"))
    assert [asdict(event) for event in parse(json.loads(path.read_text("utf-8")))] == expected


def test_every_dialect_has_payloads() -> None:
    assert {path.parent.name for path in PAYLOADS} == {"minio", "aws", "ceph", "eventbridge"}


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        "text",
        7,
        {},
        {"Records": None},
        {"Records": {}},
        {"Records": [None]},
        {"Records": [{}]},
        {"Records": [record(eventSource="azure:blob")]},
        {"Records": [record(eventSource=["minio:s3"])]},
        {"Records": [record(key=5)]},
        {"Records": [record(s3=None)]},
        {"source": "aws.s3", "detail-type": "Object Created"},
        {"source": "aws.s3", "detail-type": "Object Created", "detail": {"bucket": "docusnap", "object": {}}},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(payload: object) -> None:
    with pytest.raises(NotificationUnparsable):
        parse(payload)


def test_a_senseless_record_does_not_keep_back_those_beside_it() -> None:
    events = parse({"Records": [{}, record("incoming/a.png"), record(key=None), record("incoming/b.png")]})
    assert [event.key for event in events] == ["incoming/a.png", "incoming/b.png"]


def test_a_notification_without_records_is_empty() -> None:
    assert parse({"Records": []}) == ()


def test_quotes_around_an_etag_are_not_part_of_it() -> None:
    quoted = {"bucket": {"name": "docusnap"}, "object": {"key": "incoming/a.png", "eTag": '"abc"', "size": 3}}
    assert parse({"Records": [record(s3=quoted)]})[0].etag == "abc"


def test_a_size_that_is_no_number_is_left_out() -> None:
    odd = {"bucket": {"name": "docusnap"}, "object": {"key": "incoming/a.png", "size": True}}
    assert parse({"Records": [record(s3=odd)]})[0].size is None


def test_no_key_breaks_the_database() -> None:
    keys = [event.key for event in parse({"Records": [record("incoming/a%00b"), record("incoming/\ud800", eventSource="ceph:s3")]})]
    assert keys == ["incoming/a\ufffdb", "incoming/?"]


def test_an_empty_key_is_passed_on_to_be_parked() -> None:
    assert parse({"Records": [record("")]})[0].key == ""
