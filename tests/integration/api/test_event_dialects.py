"""Every dialect at the door: SNS by its signature, all others by the token, none by mere likeness."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support import sns, sns_gateway
from tests.support.api import EVENTS_TOKEN, Server, Tenant, serve
from tests.support.sns import CERTIFICATE, SUBSCRIBE, TOPIC, signer

WITH_TOKEN = {"Authorization": f"Bearer {EVENTS_TOKEN}"}
STRANGER = "a stranger's"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sns")
    sns_gateway.put(folder, CERTIFICATE, signer().certificate)
    sns_gateway.put(folder, SUBSCRIBE, b"<ConfirmSubscriptionResponse/>")
    return folder


@pytest.fixture(scope="module")
def _gateway(environ: dict[str, str], aws: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    more = {"SNS_TOPIC_ARNS": f"{TOPIC}-other, {TOPIC}", "SNS_STAND_IN": str(aws), "MAX_JSON_BYTES": "1000000"}
    with serve(tmp_path_factory.mktemp("gateway"), {**environ, **more}, "tests.support.sns_gateway:create()") as server:
        yield server


@pytest.fixture
def asked(aws: Path) -> Iterator[Callable[[], list[str]]]:
    """The addresses that AWS was asked for in this test."""
    file = aws / sns_gateway.ASKED
    file.write_text("")
    yield lambda: file.read_text("utf-8").splitlines()
    (aws / "away").unlink(missing_ok=True)


def send(server: Server, envelope: dict[str, Any], path: str = "/events/s3", **headers: str) -> Any:
    """As SNS sends it: JSON that is called text."""
    kind = {"Content-Type": "text/plain; charset=UTF-8", "x-amz-sns-message-type": envelope["Type"]}
    return server.post(path, data=json.dumps(envelope).encode(), headers={**kind, **headers})


def queued(answer: Any) -> bool:
    return (answer.status_code, answer.json()) == (200, {"records": 1, "queued": 1, "parked": 0})


def of(tenant: Tenant) -> tuple[str, str]:
    """A new upload that nobody was told of, and its key."""
    document = tenant.send()
    return document, f"uploads/alice-{document}"


@pytest.mark.parametrize("version", ["1", "2"])
def test_sns_needs_no_token_and_its_event_queues_the_document(alice: Tenant, bucket: str, version: str) -> None:
    document, key = of(alice)
    assert queued(send(alice.server, signer().sign(sns.notification(sns.about(bucket, key)), version)))
    assert alice.get(f"/v1/documents/{document}").json()["status"] == "queued"


@pytest.mark.parametrize(("path", "headers"), [("/events/s3", {}), ("/events/s3", WITH_TOKEN), (f"/events/s3/{EVENTS_TOKEN}", {})])
def test_a_forged_envelope_is_refused_with_the_token_too(alice: Tenant, bucket: str, path: str, headers: dict[str, str]) -> None:
    document, key = of(alice)
    for signed in (signer(STRANGER).sign(sns.notification(sns.about(bucket, key))), sns.notification(sns.about(bucket, key))):
        answer = send(alice.server, signed, path, **headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_sns_signature")
    assert alice.get(f"/v1/documents/{document}").json()["status"] == "awaiting_upload"


def test_a_genuine_message_of_another_topic_is_refused(server: Server, bucket: str, asked: Callable[[], list[str]]) -> None:
    answer = send(server, signer().sign(sns.notification(sns.about(bucket, "incoming/a"), TopicArn=TOPIC + "-2")))
    assert (answer.status_code, answer.json()["code"]) == (401, "unknown_sns_topic")
    assert asked() == []


def test_a_genuine_message_that_was_recorded_is_refused_later(server: Server, bucket: str) -> None:
    earlier = sns.stamp(datetime.now(UTC) - timedelta(hours=2))
    answer = send(server, signer().sign(sns.notification(sns.about(bucket, "incoming/a"), Timestamp=earlier)))
    assert (answer.status_code, answer.json()["code"]) == (401, "stale_sns_message")


def test_sns_sends_again_while_its_certificate_cannot_be_had(alice: Tenant, bucket: str, aws: Path, asked: Callable[[], list[str]]) -> None:
    _, key = of(alice)
    signed = signer().sign(sns.notification(sns.about(bucket, key)))
    (aws / "away").touch()
    answer = send(alice.server, signed)
    assert (answer.status_code, answer.json()["code"]) == (503, "sns_unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    (aws / "away").unlink()
    assert queued(send(alice.server, signed))


def test_a_subscription_is_confirmed_at_aws(server: Server, asked: Callable[[], list[str]]) -> None:
    answer = send(server, signer().sign(sns.confirmation()))
    assert (answer.status_code, answer.json()) == (200, {"records": 0, "queued": 0, "parked": 0})
    assert asked() == [CERTIFICATE, SUBSCRIBE]


def test_a_forged_subscription_makes_nobody_call_anybody(server: Server, asked: Callable[[], list[str]]) -> None:
    forged = signer(STRANGER).sign(sns.confirmation(SubscribeURL="http://127.0.0.1:9/"))
    assert send(server, forged).json()["code"] == "invalid_sns_signature"
    assert asked() == [CERTIFICATE]


def test_a_genuine_message_that_is_no_notification_is_unparsable(server: Server) -> None:
    for text in ("hello", "{", "[" * 100_000, "{}", json.dumps(sns.notification(sns.about("b", "k")))):
        answer = send(server, signer().sign(sns.notification(text)))
        assert (answer.status_code, answer.json()["code"]) == (400, "notification_unparsable")


def test_the_test_event_of_s3_through_sns_is_taken(server: Server) -> None:
    test = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "scans"})
    assert send(server, signer().sign(sns.notification(test))).status_code == 200


def test_the_largest_message_of_sns_is_taken(alice: Tenant, bucket: str) -> None:
    _, key = of(alice)
    told = json.loads(sns.about(bucket, key))
    text = json.dumps({**told, "padding": "发" * 1000 + '"' * 100_000})
    assert len(text.encode()) < 256 * 1024 < len(json.dumps(text))
    assert queued(send(alice.server, signer().sign(sns.notification(text))))


def test_raw_delivery_of_sns_carries_no_signature_and_needs_the_token(alice: Tenant, bucket: str) -> None:
    _, key = of(alice)
    raw = {"x-amz-sns-message-type": "Notification", "x-amz-sns-rawdelivery": "true", "x-amz-sns-topic-arn": TOPIC}
    refused = alice.server.post("/events/s3", data=sns.about(bucket, key), headers=raw)
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_events_token")
    assert queued(alice.server.post(f"/events/s3/{EVENTS_TOKEN}", data=sns.about(bucket, key), headers=raw))


@pytest.mark.parametrize(
    "body", [b'{"TopicArn"', b'{"TopicArn":"x","Records":[]}', b'["TopicArn"]', b'{"Type":"Notification","Message":"{}"}']
)
def test_what_only_looks_like_sns_is_not_let_in(server: Server, body: bytes) -> None:
    assert server.post("/events/s3", data=body).status_code in {400, 401}
    assert server.post("/events/s3", data=b'{"TopicArn":"x","Records":[]}').json()["code"] == "invalid_events_token"


def test_an_envelope_inside_of_another_one_is_not_believed(server: Server, bucket: str) -> None:
    inner = sns.notification(sns.about(bucket, "incoming/a"))
    event = {"specversion": "1.0", "type": "x", "source": "x", "id": "1"}
    for body in ({**event, "data": inner}, [{**event, "data": inner}], {"Records": [inner]}):
        answer = server.post("/events/s3", json=body, headers=WITH_TOKEN)
        assert (answer.status_code, answer.json()["code"]) == (400, "notification_unparsable")
    binary = {"ce-specversion": "1.0", "ce-type": "x", "ce-source": "x", "ce-id": "1"}
    assert server.post("/events/s3", json=inner, headers={**WITH_TOKEN, **binary}).json()["code"] == "invalid_sns_signature"


def by_event_bridge(bucket: str, key: str) -> tuple[Any, dict[str, str]]:
    detail = {"bucket": {"name": bucket}, "object": {"key": key}}
    return {"version": "0", "detail-type": "Object Created", "source": "aws.s3", "detail": detail}, {}


def by_ceph(bucket: str, key: str) -> tuple[Any, dict[str, str]]:
    seen = {"bucket": {"name": bucket}, "object": {"key": key}}
    return {"Records": [{"eventSource": "ceph:s3", "eventName": "ObjectCreated:Put", "s3": seen}]}, {}


EVENT = {"specversion": "1.0", "type": "com.amazonaws.s3.ObjectCreated:Put", "source": "aws:s3.us-east-1.scans", "id": "1"}


def as_cloud_event(bucket: str, key: str) -> tuple[Any, dict[str, str]]:
    return {**EVENT, "data": by_ceph(bucket, key)[0]}, {"Content-Type": "application/cloudevents+json"}


def as_batch(bucket: str, key: str) -> tuple[Any, dict[str, str]]:
    return [{**EVENT, "data": by_event_bridge(bucket, key)[0]}], {"Content-Type": "application/cloudevents-batch+json"}


def in_binary_mode(bucket: str, key: str) -> tuple[Any, dict[str, str]]:
    kind = {"ce-type": "Object Created", "ce-source": "urn:bucket", "ce-id": "1", "ce-specversion": "1.0"}
    return by_event_bridge(bucket, key)[0]["detail"], kind


CLOUD_EVENTS = [as_cloud_event, as_batch, in_binary_mode]
SENDERS = [by_event_bridge, by_ceph, *CLOUD_EVENTS]


@pytest.mark.parametrize("sender", SENDERS)
def test_a_document_is_queued_whatever_the_dialect(alice: Tenant, bucket: str, sender: Callable[..., tuple[Any, dict[str, str]]]) -> None:
    document, key = of(alice)
    body, headers = sender(bucket, key)
    refused = alice.server.post("/events/s3", json=body, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_events_token")
    told = alice.server.post("/events/s3", data=json.dumps(body), headers={**WITH_TOKEN, **headers})
    # Knative's Broker takes an answer that is no event for a failure, and sends again.
    assert (told.status_code, told.content == b"") == (200, sender in CLOUD_EVENTS)
    assert alice.get(f"/v1/documents/{document}").json()["status"] == "queued"


def test_a_key_with_a_plus_and_a_percent_is_found_as_it_is(server: Server, bucket: str, s3_client: Any) -> None:
    for number, (sender, key) in enumerate([(by_ceph, "incoming/a+b%20c 发票.png"), (by_event_bridge, "incoming/d+e%2Ff 发票.png")]):
        s3_client.put_object(Bucket=bucket, Key=key, Body=b"abc%d" % number)
        assert queued(server.post("/events/s3", json=sender(bucket, key)[0], headers=WITH_TOKEN))
