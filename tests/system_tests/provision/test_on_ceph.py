"""`docusnap provision` on Ceph's object gateway."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.provision import NOTHING, provision, provisioned, upload
from tests.support.sink import Sink
from tests.support.stores import Store, running_ceph

TOKEN = "what-stands-in-the-path"
ORIGIN = "https://app.example"
BEGINS = 120  # seconds until Ceph looks after the queue of a new topic: 30 were seen


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[Store]:
    with running_ceph(folder) as store:
        yield store


@pytest.fixture
def environ(store: Store, bucket: str) -> dict[str, str]:
    return {**store.environ(bucket), "EVENTS_TOKEN": TOKEN}


def test_the_path_from_nothing_to_a_delivered_event(store: Store, sink: Sink, bucket: str, environ: dict[str, str]) -> None:
    words = ("--events-url", sink.url)
    dry = provisioned(environ, *words, "--dry-run")
    assert "would create the bucket" in dry
    assert "would let the topic" in dry
    assert not [topic for topic in store.client("sns").list_topics()["Topics"] if bucket in topic["TopicArn"]]
    said = provisioned(environ, *words)
    assert TOKEN not in dry + said
    assert NOTHING in provisioned(environ, *words)
    assert NOTHING in provisioned(environ)  # the topic knows where intake is
    upload(store.client(), bucket, "elsewhere/no.png")
    upload(store.client(), bucket, "incoming/扫描 a+b.png")
    upload(store.client(), bucket, "uploads/default-1")
    received = sink.await_keys("incoming/扫描 a+b.png", "uploads/default-1", seconds=BEGINS)
    assert {one.path for one in received} == {f"/events/s3/{TOKEN}"}
    assert "elsewhere/no.png" not in sink.keys


def test_a_topic_that_posted_elsewhere_posts_to_the_new_address(store: Store, sink: Sink, bucket: str, environ: dict[str, str]) -> None:
    provisioned(environ, "--events-url", "http://127.0.0.1:9/events/s3")
    said = provisioned(environ, "--events-url", sink.url)
    assert "let the topic" in said
    assert "send the events" in said
    upload(store.client(), bucket, "uploads/default-2")
    sink.await_keys("uploads/default-2", seconds=BEGINS)


def test_configuration_of_others_stays(store: Store, bucket: str, sink: Sink, environ: dict[str, str]) -> None:
    s3 = store.client()
    s3.create_bucket(Bucket=bucket)
    topic = store.client("sns").create_topic(Name=f"theirs-{bucket}", Attributes={"push-endpoint": "http://127.0.0.1:9/"})["TopicArn"]
    theirs = {"Id": "theirs", "TopicArn": topic, "Events": ["s3:ObjectRemoved:*"]}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"TopicConfigurations": [theirs]})
    cors = {"ID": "theirs", "AllowedOrigins": ["https://theirs.example"], "AllowedMethods": ["GET"]}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [cors]})
    rule = {"ID": "theirs", "Filter": {"Prefix": "logs/"}, "Status": "Enabled", "Expiration": {"Days": 3}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    provisioned(environ, "--events-url", sink.url, "--cors", ORIGIN)
    found = s3.get_bucket_notification_configuration(Bucket=bucket)["TopicConfigurations"]
    assert {entry["Id"] for entry in found} == {"theirs", "docusnap-incoming", "docusnap-uploads"}
    assert {one["ID"] for one in s3.get_bucket_cors(Bucket=bucket)["CORSRules"]} == {"theirs", "docusnap"}
    rules = {one["ID"]: one for one in s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]}
    assert rules["theirs"]["Expiration"] == {"Days": 3}
    assert set(rules) == {"theirs", "docusnap-incoming", "docusnap-uploads"}


def test_a_browser_of_an_origin_that_was_named_may_upload(store: Store, bucket: str, sink: Sink, environ: dict[str, str]) -> None:
    provisioned({**environ, "CORS_ORIGINS": ORIGIN}, "--events-url", sink.url)
    url = store.client().generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "uploads/x"}, ExpiresIn=60)
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type,if-none-match"}
    assert requests.options(url, headers={**asked, "Origin": ORIGIN}, timeout=10).headers["Access-Control-Allow-Origin"] == ORIGIN
    assert requests.options(url, headers={**asked, "Origin": "https://other.example"}, timeout=10).status_code == 403


def test_without_the_address_of_intake_the_rest_is_done_and_the_address_asked_for(
    store: Store, bucket: str, environ: dict[str, str]
) -> None:
    done = provision(environ)
    assert done.returncode == 1
    assert "--events-url" in done.stderr
    assert bucket in {one["Name"] for one in store.client().list_buckets()["Buckets"]}


def test_without_the_token_nothing_is_begun(store: Store, bucket: str, sink: Sink) -> None:
    done = provision(store.environ(bucket), "--events-url", sink.url)
    assert (done.returncode, done.stdout) == (1, "")
    assert "EVENTS_TOKEN is not set" in done.stderr


def test_wrong_keys_are_one_sentence(store: Store, environ: dict[str, str], sink: Sink) -> None:
    done = provision({**environ, "AWS_SECRET_ACCESS_KEY": "wrong" * 4}, "--events-url", sink.url)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "does not take these keys" in done.stderr
