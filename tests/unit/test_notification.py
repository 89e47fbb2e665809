"""Every store's words for a new object, as recorded in events/."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from docusnap.errors import NotificationUnparsable
from docusnap.ledger import older
from docusnap.model import ObjectCreated
from docusnap.notification import as_cloud_event, is_sns, parse, parse_bare, parse_message

EVENTS = Path(__file__).parents[2] / "events"
RECORDED = {"minio", "minio-server", "ceph", "ministack", "ministack-sns"}
WRITTEN = {"aws", "eventbridge", "sns", "cloudevents", "rustfs"}
PAYLOADS = sorted(path for path in EVENTS.glob("*/*.json") if not path.name.endswith(".expected.json"))


def record(key: Any = "incoming/a.png", **members: Any) -> dict[str, Any]:
    object_ = {"bucket": {"name": "docusnap"}, "object": {"key": key}}
    return {"eventSource": "minio:s3", "eventName": "s3:ObjectCreated:Put", "s3": object_, **members}


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_recorded_payload_is_understood(path: Path) -> None:
    expected = json.loads(path.with_name(f"{path.stem}.expected.json").read_text("utf-8"))
    assert [asdict(event) for event in parse(json.loads(path.read_text("utf-8")))] == expected


def test_every_dialect_has_payloads() -> None:
    assert {path.parent.name for path in PAYLOADS} == RECORDED | WRITTEN


def test_a_payload_that_came_by_http_says_the_same_unless_it_is_an_envelope_of_sns() -> None:
    for path in PAYLOADS:
        payload = json.loads(path.read_text("utf-8"))
        if is_sns(payload):
            with pytest.raises(NotificationUnparsable):
                parse_bare(payload)
            assert parse_message(payload["Message"]) == parse(payload)
        else:
            assert parse_bare(payload) == parse(payload)
    assert {path.parent.name for path in PAYLOADS if is_sns(json.loads(path.read_text("utf-8")))} >= {"sns"}


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
        {"source": "aws.s3", "detail-type": None, "detail": {}},
        {"Type": "Notification", "TopicArn": "t"},
        {"Type": "Notification", "TopicArn": "t", "Message": 7},
        {"Type": "Notification", "TopicArn": "t", "Message": "hello"},
        {"Type": "Notification", "TopicArn": "t", "Message": "[" * 100_000},
        {"Type": "Notification", "TopicArn": "t", "Message": "9" * 5000},
        {"Type": "SubscriptionConfirmation", "TopicArn": "t", "Message": "{}"},
        {"specversion": "1.0"},
        {"specversion": "1.0", "data": None},
        {"specversion": "1.0", "data": '{"Records":[]}'},
        {"specversion": "1.0", "data_base64": "not base64"},
        {"specversion": "1.0", "data_base64": "bm90IEpTT04="},
        {"specversion": "1.0", "type": "dev.knative.ping", "source": "x", "data": {"bucket": {"name": "b"}, "object": {"key": "k"}}},
        {"specversion": "1.0", "type": "ObjectCreated:Put", "source": "x", "data": {"s3": {"s3SchemaVersion": "1.0"}}},
        {"specversion": "1.0", "data": {"specversion": "1.0", "data": {"Records": []}}},
        [{"specversion": "1.0", "data": {}}],
        [{"Records": []}],
    ],
    ids=lambda value: str(value)[:60],
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


def test_an_envelope_inside_of_an_envelope_is_not_opened() -> None:
    inner = {"Type": "Notification", "TopicArn": "t", "Message": json.dumps({"Records": [record()]})}
    assert len(parse(inner)) == 1
    for payload in ({**inner, "Message": json.dumps(inner)}, {"specversion": "1.0", "type": "x", "source": "x", "data": inner}):
        with pytest.raises(NotificationUnparsable):
            parse(payload)


def test_a_senseless_event_of_a_batch_does_not_keep_back_those_beside_it() -> None:
    event = {"specversion": "1.0", "type": "x", "source": "x"}
    events = parse([{**event, "data": {"Records": [record()]}}, {**event, "data": 7}, {**event, "data": record("incoming/b.png")}])
    assert [event.key for event in events] == ["incoming/a.png", "incoming/b.png"]


def test_attributes_in_headers_are_those_of_the_event() -> None:
    detail = {"version": "0", "bucket": {"name": "docusnap"}, "object": {"key": "incoming/a+b.png"}}
    headers = {"ce-specversion": "1.0", "ce-type": "Object Created", "ce-source": "urn:x", "ce-id": "1"}
    assert [event.key for event in parse_bare(as_cloud_event(detail, headers))] == ["incoming/a+b.png"]
    assert parse_bare(as_cloud_event(detail, {**headers, "ce-type": "Object Deleted"})) == ()
    assert [event.key for event in parse_bare(as_cloud_event({"Records": [record()]}, headers))] == ["incoming/a.png"]
    assert as_cloud_event(detail, {}) is detail


WORDS = ["Records", "Type", "TopicArn", "Message", "specversion", "data", "data_base64", "type", "source", "detail", "detail-type", "s3"]
WORDS += [
    "eventSource",
    "eventName",
    "bucket",
    "object",
    "name",
    "key",
    "size",
    "eTag",
    "sequencer",
    "versionId",
    "Event",
    "s3SchemaVersion",
]
TEXTS = [
    "",
    "Notification",
    "aws.s3",
    "Object Created",
    "ObjectCreated:Put",
    "aws:s3",
    "ceph:s3",
    "1.0",
    "%",
    "%ff+",
    "\ud800",
    "\0",
    "e30=",
]
TEXTS += ["s3:TestEvent", '{"Records":[]}', "[", "com.amazonaws.s3.ObjectCreated:Put"]


def anything(random: Random, depth: int) -> Any:
    """JSON that is made of what the dialects are made of."""
    kind = random.randrange(9) if depth else random.randrange(6)
    if kind < 3:
        return random.choice(TEXTS)
    if kind < 6:
        return random.choice([None, True, 0, -1, 1.5, 10**40, "x" * 100])
    if kind == 6:
        return [anything(random, depth - 1) for _ in range(random.randrange(4))]
    return {random.choice(WORDS): anything(random, depth - 1) for _ in range(random.randrange(12))}


def damaged(random: Random, value: Any) -> Any:
    """A payload with something in it replaced, removed, or put beside it."""
    if isinstance(value, list) and value and random.random() < 0.9:
        at = random.randrange(len(value))
        return [damaged(random, item) if index == at else item for index, item in enumerate(value)]
    if isinstance(value, dict) and value and random.random() < 0.9:
        name = random.choice(list(value))
        kept = {**value, random.choice(WORDS): anything(random, 2)} if random.random() < 0.1 else value
        return {key: damaged(random, item) if key == name else item for key, item in kept.items() if random.random() < 0.98}
    return anything(random, 3)


@pytest.mark.parametrize("seed", range(8))
def test_nothing_makes_the_parser_fail_otherwise_than_by_its_own_error(seed: int) -> None:
    random = Random(seed)
    payloads = [json.loads(path.read_text("utf-8")) for path in PAYLOADS]
    tried = [anything(random, 5) for _ in range(500)] + [damaged(random, random.choice(payloads)) for _ in range(500)]
    understood = 0
    for payload in tried:
        for read in (parse, parse_bare, lambda value: parse_message(json.dumps(value))):
            try:
                understood += all(isinstance(event, ObjectCreated) for event in read(payload))
            except NotificationUnparsable:
                continue
    assert understood


@pytest.mark.parametrize("store", sorted(RECORDED))
def test_later_events_of_a_store_have_later_sequencers(store: str) -> None:
    payloads = [json.loads((EVENTS / store / f"{way}.json").read_text("utf-8")) for way in ("put", "post", "multipart", "copy", "odd-key")]
    told = [event.sequencer or "" for payload in payloads for event in parse(payload)]
    assert len(told) == 5
    assert all(older(before, after) for before, after in pairwise(told))


def test_a_sequencer_of_ceph_that_is_none_is_left_as_it_is() -> None:
    for sequencer in ("", "617F", "x" * 16, "A960066B8FA9590E00"):
        seen = {"bucket": {"name": "b"}, "object": {"key": "k", "sequencer": sequencer}}
        assert parse({"Records": [record(eventSource="ceph:s3", s3=seen)]})[0].sequencer == (sequencer or None)
