"""`docusnap provision` on the JuiceFS gateway, whose webhook posts to a sink."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from docusnap.adapters.provision.buckets import Buckets
from docusnap.settings import Settings, of_store

from tests.support.provision import NOTHING, provision, provisioned, upload
from tests.support.sink import Sink, running_sink
from tests.support.store import S3Gateway, client, running_gateway

TOKEN = "what-the-webhook-says"
ORIGIN = "https://app.example"
WEBHOOK = "arn:minio:sqs::OCR:webhook"


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with running_sink() as sink:
        yield sink


@pytest.fixture(scope="module")
def gateway(sink: Sink) -> Iterator[S3Gateway]:
    with (
        tempfile.TemporaryDirectory(prefix="docusnap-s3-", ignore_cleanup_errors=True) as folder,
        running_gateway(Path(folder), webhook=sink.url, token=TOKEN, origins=[ORIGIN]) as gateway,
    ):
        yield gateway


@pytest.fixture
def environ(gateway: S3Gateway) -> dict[str, str]:
    """Of a bucket that does not exist yet."""
    return gateway.environ(f"bucket-{uuid4().hex}")


@pytest.fixture
def s3(gateway: S3Gateway) -> Iterator[Any]:
    made = client(gateway)
    yield made
    made.close()


def notifications(s3: Any, bucket: str) -> Mapping[str, Mapping[str, Any]]:
    """By Id."""
    found = s3.get_bucket_notification_configuration(Bucket=bucket)
    return {entry["Id"]: entry for entry in found.get("QueueConfigurations", ())}


def test_an_object_that_is_uploaded_after_it_is_announced(environ: dict[str, str], s3: Any, sink: Sink) -> None:
    provisioned(environ)
    upload(s3, environ["S3_BUCKET"], "uploads/put a+b é.png")
    upload(s3, environ["S3_BUCKET"], "elsewhere/no.png")
    upload(s3, environ["S3_BUCKET"], "incoming/扫描.png")
    received = sink.await_keys("uploads/put a+b é.png", "incoming/扫描.png")
    assert TOKEN in (received[-1].authorization or "")
    assert "elsewhere/no.png" not in sink.keys


def test_a_dry_run_says_what_it_would_change_and_changes_nothing(environ: dict[str, str], s3: Any) -> None:
    said = provisioned(environ, "--dry-run")
    assert f"would create the bucket {environ['S3_BUCKET']}" in said
    assert "would send the events" in said
    assert environ["S3_BUCKET"] not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}


def test_a_second_run_finds_nothing_to_change(environ: dict[str, str]) -> None:
    assert NOTHING not in provisioned(environ)
    assert NOTHING in provisioned(environ)
    assert NOTHING in provisioned(environ, "--dry-run")


def test_notifications_of_others_stay_as_they_are(environ: dict[str, str], s3: Any) -> None:
    bucket = environ["S3_BUCKET"]
    s3.create_bucket(Bucket=bucket)
    rules = [{"Name": "prefix", "Value": "thumbs/"}, {"Name": "suffix", "Value": ".png"}]
    theirs = {"Id": "theirs", "QueueArn": WEBHOOK, "Events": ["s3:ObjectRemoved:*"], "Filter": {"Key": {"FilterRules": rules}}}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [theirs]})
    provisioned(environ)
    found = notifications(s3, bucket)
    assert found["theirs"] == theirs
    assert set(found) == {"theirs", "docusnap-incoming", "docusnap-uploads"}


def test_a_notification_of_the_whole_bucket_is_enough(environ: dict[str, str], s3: Any) -> None:
    bucket = environ["S3_BUCKET"]
    s3.create_bucket(Bucket=bucket)
    whole = {"Id": "all", "QueueArn": WEBHOOK, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [whole]})
    assert NOTHING in provisioned(environ)


def test_two_at_once_prepare_the_store_once(environ: dict[str, str], s3: Any) -> None:
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: provision(environ), range(3)))
    assert [run.stderr for run in done] == ["", "", ""]
    assert set(notifications(s3, environ["S3_BUCKET"])) == {"docusnap-incoming", "docusnap-uploads"}


def test_browsers_that_the_server_lets_in_need_nothing(environ: dict[str, str]) -> None:
    done = provision({**environ, "CORS_ORIGINS": ORIGIN})
    assert (done.returncode, done.stderr) == (0, "")
    assert f"CORS_ORIGINS={ORIGIN}" in done.stdout


def test_browsers_that_the_server_turns_away_are_named_with_the_variable_to_set(environ: dict[str, str]) -> None:
    done = provision(environ, "--cors", ORIGIN, "https://other.example")
    assert done.returncode == 0
    assert "refuses browsers of https://other.example:" in done.stderr
    assert "MINIO_API_CORS_ALLOW_ORIGIN" in done.stderr


def test_a_store_without_the_webhook_gets_its_bucket_and_is_told_which_variables_it_lacks(s3_gateway: S3Gateway) -> None:
    done = provision(s3_gateway.environ(f"bucket-{uuid4().hex}"), "--events-url", "http://docusnap.example/events/s3")
    assert done.returncode == 1
    assert "create the bucket" in done.stdout
    assert "MINIO_NOTIFY_WEBHOOK_ENABLE_OCR=on" in done.stderr
    assert "MINIO_NOTIFY_WEBHOOK_ENDPOINT_OCR=http://docusnap.example/events/s3" in done.stderr


def test_wrong_keys_are_one_sentence(environ: dict[str, str]) -> None:
    done = provision({**environ, "AWS_SECRET_ACCESS_KEY": "wrong" * 4})
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "refuses access" in done.stderr


@pytest.mark.parametrize("kind", [(), ("--kind", "minio"), ("--kind", "aws"), ("--kind", "ceph")])
def test_a_store_that_nobody_started_is_one_sentence(offline_settings: Settings, kind: tuple[str, ...]) -> None:
    there = {
        "S3_ENDPOINT_URL": offline_settings.s3_endpoint_url,
        "AWS_ACCESS_KEY_ID": "an-access-key",
        "AWS_SECRET_ACCESS_KEY": "a-secret-key",
    }
    done = provision(there, *kind)
    assert (done.returncode, done.stderr) == (1, f"docusnap: The store at {offline_settings.s3_endpoint_url} does not answer.\n")


def test_no_secret_is_ever_shown(environ: dict[str, str]) -> None:
    secret = {**environ, "EVENTS_TOKEN": "a-secret-of-the-events"}
    done = provision(secret, "--events-url", "http://docusnap.example/events/s3")
    for value in (secret["EVENTS_TOKEN"], secret["AWS_SECRET_ACCESS_KEY"]):
        assert value not in done.stdout + done.stderr


def test_a_store_without_lifecycle_and_cors_of_a_bucket_is_told_from_one_that_has_none_set(gateway: S3Gateway) -> None:
    bucket = Buckets(of_store(gateway.environ(gateway.new_bucket())))
    assert bucket.lifecycle() is None
    assert bucket.cors() == {}
