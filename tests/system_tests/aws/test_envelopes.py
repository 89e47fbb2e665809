"""The bucket's events as SNS and EventBridge hand them to the queue."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.acceptance.client import Client
from tests.support.aws.cloud import BUCKET, Cloud
from tests.support.stores.store import ROOT
from tests.support.waiting import eventually

PAGE = (ROOT / "layers/docusnap/sample/page.png").read_bytes()
PATIENCE = 90.0
KEY = "incoming/scans/扫描 a+b é%.png"


@contextmanager
def notifying(cloud: Cloud, **configuration: Any) -> Iterator[None]:
    """The bucket tells nobody else."""
    s3 = cloud.store.client()
    before = s3.get_bucket_notification_configuration(Bucket=BUCKET)
    before.pop("ResponseMetadata")
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=configuration)
    try:
        yield
    finally:
        s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=before)


def read(cloud: Cloud, reader: Client, key: str) -> dict[str, Any]:
    """Put a foreign object, wait for its document, and give back the message that named it."""
    name = key.rpartition("/")[2]
    cloud.store.client().put_object(Bucket=BUCKET, Key=key, Body=PAGE)
    (item,) = eventually(lambda: reader.named(name), "the object is a document", PATIENCE)
    document = reader.settled(item["id"])
    assert (document["status"], document["source"]["key"]) == ("succeeded", key)
    (call, *_) = eventually(
        lambda: [one for one in list(cloud.ocr.calls) if one.event["Records"][0]["body"] != "{}"], "a message", PATIENCE
    )
    assert call.answer["batchItemFailures"] == []
    body: dict[str, Any] = json.loads(call.event["Records"][0]["body"])
    return body


def test_by_sns(cloud: Cloud, reader: Client) -> None:
    sns, key = cloud.store.client("sns"), KEY.replace("scans", "sns")
    topic = sns.create_topic(Name="bucket-events")["TopicArn"]
    cloud.allow("sns.amazonaws.com", topic)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=cloud.queue_arn)
    with notifying(cloud, TopicConfigurations=[{"Id": "sns", "TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]):
        body = read(cloud, reader, key)
    assert (body["Type"], body["TopicArn"]) == ("Notification", topic)


def test_by_eventbridge(cloud: Cloud, reader: Client) -> None:
    events, key = cloud.store.client("events"), KEY.replace("scans", "eventbridge").replace("a+b", "c+d")
    pattern = {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"bucket": {"name": [BUCKET]}}}
    rule = events.put_rule(Name="bucket-events", EventPattern=json.dumps(pattern))["RuleArn"]
    cloud.allow("events.amazonaws.com", rule)
    events.put_targets(Rule="bucket-events", Targets=[{"Id": "ocr", "Arn": cloud.queue_arn}])
    with notifying(cloud, EventBridgeConfiguration={}):
        body = read(cloud, reader, key)
    assert (body["detail-type"], body["detail"]["object"]["key"]) == ("Object Created", key)
