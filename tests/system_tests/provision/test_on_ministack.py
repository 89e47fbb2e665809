"""`docusnap provision` on what stands for AWS here: queue policies and accounts as AWS has them, but any secret will do in a header."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from docusnap import notification

from tests.support.provision import NOTHING, provision, provisioned, upload
from tests.support.stores import Store, running_ministack

ORIGIN = "https://app.example"
AWS = ("--kind", "aws")  # its address does not say so


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[Store]:
    with running_ministack(folder) as store:
        yield store


def queue_of(store: Store, bucket: str, suffix: str = "") -> str:
    return str(store.client("sqs").get_queue_url(QueueName=f"{bucket}-ocr{suffix}")["QueueUrl"])


def attributes(store: Store, url: str) -> dict[str, str]:
    found: dict[str, str] = store.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return found


def delivered(store: Store, url: str, *keys: str) -> set[str]:
    """Keys of all messages, once these are among them."""
    sqs, seen, ends = store.client("sqs"), set[str](), time.monotonic() + 20
    while not set(keys) <= seen and time.monotonic() < ends:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", ()):
            seen |= {one.key for one in notification.parse(json.loads(message["Body"]))}
    return seen


def test_the_path_from_nothing_to_a_delivered_event(store: Store, bucket: str) -> None:
    environ = store.environ(bucket)
    dry = provisioned(environ, *AWS, "--dry-run")
    assert f"would create the queue {bucket}-ocr," in dry
    assert not [url for url in store.client("sqs").list_queues().get("QueueUrls", ()) if bucket in url]
    said = provisioned(environ, *AWS)
    url = queue_of(store, bucket)
    assert f"OCR_QUEUE_URL={url}" in said
    assert NOTHING in provisioned(environ, *AWS)
    upload(store.client(), bucket, "elsewhere/no.png")
    upload(store.client(), bucket, "incoming/扫描 a+b.png")
    upload(store.client(), bucket, "uploads/default-1")
    assert delivered(store, url, "incoming/扫描 a+b.png", "uploads/default-1") == {"incoming/扫描 a+b.png", "uploads/default-1"}


def test_the_queue_hides_messages_long_enough_and_gives_up_on_what_cannot_be_taken(store: Store, bucket: str) -> None:
    provisioned(store.environ(bucket), *AWS)
    found, dead = attributes(store, queue_of(store, bucket)), attributes(store, queue_of(store, bucket, "-dead"))
    assert int(found["VisibilityTimeout"]) >= 6 * 120
    assert json.loads(found["RedrivePolicy"]) == {"deadLetterTargetArn": dead["QueueArn"], "maxReceiveCount": 10}
    assert dead["MessageRetentionPeriod"] == str(14 * 24 * 3600)


def test_no_other_bucket_may_send_to_the_queue(store: Store, bucket: str) -> None:
    provisioned(store.environ(bucket), *AWS)
    arn = attributes(store, queue_of(store, bucket))["QueueArn"]
    other = {"QueueConfigurations": [{"Id": "x", "QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    s3 = store.client()
    with pytest.raises(s3.exceptions.ClientError, match="Unable to validate"):
        s3.put_bucket_notification_configuration(Bucket=store.new_bucket(), NotificationConfiguration=other)


def test_a_queue_that_was_there_keeps_what_others_set(store: Store, bucket: str) -> None:
    sqs = store.client("sqs")
    theirs = {"Sid": "Theirs", "Effect": "Allow", "Principal": "*", "Action": "sqs:ReceiveMessage", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [theirs]})
    given = {"VisibilityTimeout": "3600", "Policy": policy, "DelaySeconds": "3"}
    url = sqs.create_queue(QueueName=f"{bucket}-ocr", Attributes=given)["QueueUrl"]
    provisioned(store.environ(bucket), *AWS)
    found = attributes(store, url)
    assert (found["VisibilityTimeout"], found["DelaySeconds"]) == ("3600", "3")
    assert json.loads(found["Policy"])["Statement"][0] == theirs


def test_configuration_of_others_stays(store: Store, bucket: str) -> None:
    s3, sqs = store.client(), store.client("sqs")
    s3.create_bucket(Bucket=bucket)
    provisioned(store.environ(bucket), *AWS, "--queue", f"{bucket}-theirs")
    theirs = attributes(store, str(sqs.get_queue_url(QueueName=f"{bucket}-theirs")["QueueUrl"]))["QueueArn"]
    kept: dict[str, Any] = {
        "QueueConfigurations": [{"Id": "theirs", "QueueArn": theirs, "Events": ["s3:ObjectRemoved:*"]}],
        "EventBridgeConfiguration": {},
    }
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=kept)
    cors = {"ID": "theirs", "AllowedOrigins": ["https://theirs.example"], "AllowedMethods": ["GET"]}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [cors]})
    provisioned(store.environ(bucket), *AWS, "--cors", ORIGIN)
    found = s3.get_bucket_notification_configuration(Bucket=bucket)
    assert {entry["Id"] for entry in found["QueueConfigurations"]} == {"theirs", "docusnap-incoming", "docusnap-uploads"}
    assert "EventBridgeConfiguration" in found
    assert {one["ID"] for one in s3.get_bucket_cors(Bucket=bucket)["CORSRules"]} == {"theirs", "docusnap"}
    assert NOTHING in provisioned(store.environ(bucket), *AWS, "--cors", ORIGIN)


def test_another_receiver_of_the_same_events_is_left_and_told(store: Store, bucket: str) -> None:
    provisioned(store.environ(bucket), *AWS, "--queue", f"{bucket}-first")
    s3 = store.client()
    there = s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]
    theirs = [{**entry, "Id": f"theirs-{number}"} for number, entry in enumerate(there)]
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": theirs})
    done = provision(store.environ(bucket), *AWS)
    assert done.returncode == 1
    assert "theirs-0, theirs-1" in done.stderr
    found = s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]
    assert {entry["Id"] for entry in found} == {"theirs-0", "theirs-1"}


def test_two_at_once_prepare_the_store_once(store: Store, bucket: str) -> None:
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: provision(store.environ(bucket), *AWS), range(3)))
    assert [run.stderr for run in done] == ["", "", ""]
    assert NOTHING in provisioned(store.environ(bucket), *AWS)


def test_a_browser_of_an_origin_that_was_named_may_upload(store: Store, bucket: str) -> None:
    provisioned({**store.environ(bucket), "CORS_ORIGINS": ORIGIN}, *AWS)
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type,if-none-match"}
    answer = requests.options(f"{store.url}/{bucket}/uploads/x", headers=asked, timeout=10)
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


def test_a_bucket_of_another_account_is_one_sentence(store: Store, bucket: str) -> None:
    store.client().create_bucket(Bucket=bucket)
    done = provision({**store.environ(bucket), "AWS_ACCESS_KEY_ID": "111122223333"}, *AWS)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"docusnap: The bucket {bucket} at {store.url} belongs to another account, or these keys may not see it.\n"


def test_a_bucket_of_another_region_is_one_sentence(store: Store, bucket: str) -> None:
    store.client().create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    done = provision(store.environ(bucket), *AWS)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"docusnap: The bucket {bucket} is in eu-west-1: set S3_REGION and S3_ENDPOINT_URL to that region.\n"


def test_a_bucket_is_made_in_the_region_that_was_set(store: Store, bucket: str) -> None:
    provisioned({**store.environ(bucket), "S3_REGION": "eu-west-1"}, *AWS)
    assert store.client().head_bucket(Bucket=bucket)["BucketRegion"] == "eu-west-1"
    assert ":eu-west-1:" in store.client().get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"][0]["QueueArn"]


def test_keys_that_nobody_knows_are_one_sentence(store: Store, bucket: str) -> None:
    done = provision({**store.environ(bucket), "AWS_ACCESS_KEY_ID": "AKIAUNKNOWN"}, *AWS)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "does not take these keys" in done.stderr


def test_a_store_that_does_not_say_what_it_is_is_asked_to_be_named(store: Store, bucket: str) -> None:
    done = provision(store.environ(bucket))
    assert done.returncode == 1
    assert "give --kind" in done.stderr
