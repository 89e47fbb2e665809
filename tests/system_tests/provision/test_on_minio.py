"""`docusnap provision` on the real MinIO server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.provision import NOTHING, provision, provisioned, upload
from tests.support.sink import Sink
from tests.support.stores import Store, running_minio

TOKEN = "what-the-webhook-says"
ORIGIN = "https://app.example"


@pytest.fixture(scope="module")
def store(folder: Path, sink: Sink) -> Iterator[Store]:
    with running_minio(folder, webhook=sink.url, token=TOKEN, origins=[ORIGIN]) as store:
        yield store


def test_the_path_from_nothing_to_a_delivered_event(store: Store, sink: Sink, bucket: str) -> None:
    environ = store.environ(bucket)
    assert "would create the bucket" in provisioned(environ, "--dry-run")
    assert bucket not in {one["Name"] for one in store.client().list_buckets()["Buckets"]}
    provisioned(environ)
    assert NOTHING in provisioned(environ)
    upload(store.client(), bucket, "elsewhere/no.png")
    upload(store.client(), bucket, "incoming/扫描 a+b.png")
    upload(store.client(), bucket, "uploads/default-1")
    received = sink.await_keys("incoming/扫描 a+b.png", "uploads/default-1")
    assert {one.authorization for one in received if one.created} == {f"Bearer {TOKEN}"}
    assert "elsewhere/no.png" not in sink.keys


def test_notifications_of_others_stay(store: Store, bucket: str) -> None:
    s3 = store.client()
    s3.create_bucket(Bucket=bucket)
    rules = [{"Name": "prefix", "Value": "thumbs/"}, {"Name": "suffix", "Value": ".png"}]
    theirs = {
        "Id": "theirs",
        "QueueArn": "arn:minio:sqs::OCR:webhook",
        "Events": ["s3:ObjectRemoved:*"],
        "Filter": {"Key": {"FilterRules": rules}},
    }
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [theirs]})
    provisioned(store.environ(bucket))
    found = s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]
    assert theirs in found
    assert len(found) == 3


def test_browsers_are_let_in_by_the_server_and_not_by_the_bucket(store: Store, bucket: str) -> None:
    allowed = provision(store.environ(bucket), "--cors", ORIGIN)
    assert (allowed.returncode, allowed.stderr) == (0, "")
    refused = provision(store.environ(bucket), "--cors", "https://other.example")
    assert refused.returncode == 0
    assert "MINIO_API_CORS_ALLOW_ORIGIN" in refused.stderr


def test_a_server_without_the_webhook_says_which_variables_it_needs(folder: Path, bucket: str) -> None:
    with running_minio(folder.with_name("bare")) as bare:
        done = provision(bare.environ(bucket), "--events-url", "http://docusnap.example/events/s3")
        assert done.returncode == 1
        assert "MINIO_NOTIFY_WEBHOOK_ENDPOINT_OCR=http://docusnap.example/events/s3" in done.stderr
        assert bucket in {one["Name"] for one in bare.client().list_buckets()["Buckets"]}


def test_wrong_keys_are_one_sentence(store: Store, bucket: str) -> None:
    done = provision({**store.environ(bucket), "AWS_SECRET_ACCESS_KEY": "wrong" * 4})
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "refuses access" in done.stderr
