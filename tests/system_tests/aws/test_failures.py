"""What comes again, what is given up, and what never does either."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.acceptance.client import Client, upload
from tests.support.aws.cloud import Cloud
from tests.support.aws.messages import arrivals, failures, receive_counts, sqs_event
from tests.support.stores.store import ROOT
from tests.support.waiting import eventually

PAGE = (ROOT / "layers/docusnap/sample/page.png").read_bytes()
PATIENCE = 90.0


@contextmanager
def database_away(cloud: Cloud) -> Iterator[None]:
    cloud.database.down()
    try:
        yield
    finally:
        cloud.database.up()


def given_up(cloud: Cloud) -> list[dict[str, str]]:
    """The dead letters, taken out of their queue."""
    sqs, found = cloud.store.client("sqs"), []
    while batch := sqs.receive_message(QueueUrl=cloud.dead, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages"):
        for message in batch:
            sqs.delete_message(QueueUrl=cloud.dead, ReceiptHandle=message["ReceiptHandle"])
        found += batch
    return found


def failed(cloud: Cloud, part: str) -> int:
    """How many calls with such a message gave it back."""
    return sum(bool(call.error or call.answer["batchItemFailures"]) for call in arrivals(cloud.ocr, part))


def test_a_message_that_meets_a_database_that_is_away_comes_again_and_is_then_taken(cloud: Cloud, reader: Client) -> None:
    cloud.hidden_for(5)
    created = reader.register("patient.png", len(PAGE))
    with database_away(cloud):
        assert upload(created["upload"], PAGE).status_code == 200
        eventually(lambda: failed(cloud, created["id"]), "the message was given back", PATIENCE)
    assert reader.settled(created["id"])["status"] == "succeeded"
    eventually(lambda: cloud.depth(cloud.queue) == 0, "the queue is empty", PATIENCE)
    counts = [int(call.event["Records"][0]["attributes"]["ApproximateReceiveCount"]) for call in arrivals(cloud.ocr, created["id"])]
    assert counts == list(range(1, len(counts) + 1))
    assert counts[-1] > 1
    assert cloud.depth(cloud.dead) == 0


def test_a_message_that_meets_a_store_that_is_away_comes_again_too(cloud: Cloud, reader: Client) -> None:
    cloud.hidden_for(3)
    created = reader.register("patient-too.png", len(PAGE))
    cloud.mapping(enabled=False)
    try:
        assert upload(created["upload"], PAGE).status_code == 200
        cloud.bucket.down()
        cloud.mapping(enabled=True)
        eventually(lambda: failed(cloud, created["id"]), "the message was given back", PATIENCE)
    finally:
        cloud.mapping(enabled=True)
        cloud.bucket.up()
    assert reader.settled(created["id"])["status"] == "succeeded"


def test_only_the_messages_that_failed_come_again(cloud: Cloud) -> None:
    test_event = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "docusnap"}
    unknown = {
        "Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": "k"}}}]
    }
    call = cloud.ocr.invoke(sqs_event({}, "no JSON", test_event, {"neither": "nor"}, unknown))
    assert not call.error
    assert failures(cloud.ocr) == ["m1", "m3"]


def test_a_wake_without_sqs_raises_where_the_database_is_away(cloud: Cloud) -> None:
    with database_away(cloud):
        call = cloud.ocr.invoke({})
    assert (call.error, call.answer["errorType"]) == (True, "DatabaseUnavailable")
    assert cloud.ocr.invoke({}).answer == {"handled": 0}


def test_what_nobody_understands_ends_among_the_dead_letters(cloud: Cloud) -> None:
    cloud.hidden_for(1)
    cloud.store.client("sqs").send_message(QueueUrl=cloud.queue, MessageBody="<no>JSON</no>")
    eventually(lambda: cloud.depth(cloud.dead) == 1, "it was given up", PATIENCE)
    assert [one["Body"] for one in given_up(cloud)] == ["<no>JSON</no>"]
    assert sorted(receive_counts(cloud.ocr)) == list(range(1, cloud.receives + 1))


def test_a_dead_letter_that_is_sent_back_is_taken(cloud: Cloud, reader: Client) -> None:
    """By hand, as ministack has no StartMessageMoveTask: received from one queue, sent to the other."""
    cloud.hidden_for(1)
    created = reader.register("redriven.png", len(PAGE))
    with database_away(cloud):
        assert upload(created["upload"], PAGE).status_code == 200
        eventually(lambda: cloud.depth(cloud.dead) == 1, "it was given up", PATIENCE)
    assert reader.get(f"/documents/{created['id']}")["status"] == "awaiting_upload"
    cloud.hidden_for(720)
    (letter,) = given_up(cloud)
    cloud.store.client("sqs").send_message(QueueUrl=cloud.queue, MessageBody=letter["Body"])
    assert reader.settled(created["id"])["status"] == "succeeded"


@pytest.mark.parametrize("body", [b"%PDF-1.7\nnothing of a PDF follows\n", b"no picture\n" * 20], ids=["broken PDF", "text"])
def test_a_file_that_can_never_be_read_costs_one_message_and_no_retry(cloud: Cloud, reader: Client, body: bytes) -> None:
    cloud.hidden_for(2)
    document = reader.send("poison.pdf", body)
    assert reader.settled(document)["status"] == "rejected"
    eventually(lambda: cloud.depth(cloud.queue) == 0, "the queue is empty", PATIENCE)
    assert set(receive_counts(cloud.ocr)) == {1}
    assert failures(cloud.ocr) == []
    assert cloud.depth(cloud.dead) == 0
