"""Wakes by SQS, in an AWS that moto keeps inside of this process."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from docusnap import settings
from docusnap.adapters.sqs import REGION, SqsWaker
from docusnap.adapters.waker import HttpWaker
from docusnap.bootstrap import Parts
from moto import mock_aws

from tests.support.ports import free_port

ENVIRON = {"DATABASE_URL": "postgresql://none", "S3_ENDPOINT_URL": "https://s3.eu-west-1.amazonaws.com", "S3_REGION": "eu-west-1"}


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of SQS in eu-west-1, where no key of this machine is known."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        client = boto3.client("sqs", region_name="eu-west-1")
        yield client
        client.close()


def waker(url: str, **more: str) -> SqsWaker:
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    return SqsWaker(settings.load({**ENVIRON, **keys, "OCR_QUEUE_URL": url, **more}))


def bodies(sqs: Any, url: str) -> list[str]:
    found: list[str] = []
    while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [message["Body"] for message in batch]
    return found


@pytest.mark.parametrize("count", [1, 4, 10, 11, 25])
def test_each_wake_is_a_message_that_says_nothing(sqs: Any, count: int) -> None:
    url = sqs.create_queue(QueueName="ocr")["QueueUrl"]
    waker(url).wake(count)
    assert bodies(sqs, url) == ["{}"] * count


def test_the_region_is_the_queues_own(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="ocr")["QueueUrl"]
    assert urlsplit(url).netloc.startswith("sqs.eu-west-1.")
    waker(url, S3_REGION="us-east-1").wake()
    assert bodies(sqs, url) == ["{}"]


def test_a_queue_that_is_not_there_loses_the_wake_and_says_so(sqs: Any, caplog: pytest.LogCaptureFixture) -> None:
    waker("https://sqs.eu-west-1.amazonaws.com/123456789012/absent").wake(12)
    assert [(record.message, record.__dict__["lost"]) for record in caplog.records] == [("wakes were lost", 10), ("wakes were lost", 2)]
    assert "NonExistentQueue" in caplog.records[0].__dict__["reason"]


def test_a_host_that_does_not_answer_loses_the_wake_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    waker(f"http://127.0.0.1:{free_port()}/000000000000/ocr").wake()
    (record,) = (record for record in caplog.records if record.name == "docusnap.adapters.sqs")
    assert (record.levelno, record.message, record.__dict__["lost"]) == (logging.WARNING, "wakes were lost", 1)


def test_no_keys_at_all_lose_the_wake_and_say_so(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    SqsWaker(settings.load({**ENVIRON, "OCR_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/ocr"})).wake()
    assert "credentials" in caplog.records[-1].__dict__["reason"]


class Refusing(BaseHTTPRequestHandler):
    """An SQS that takes one message of a batch and refuses the others, which moto does not."""

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        ids = [entry["Id"] for entry in json.loads(self.rfile.read(int(self.headers["Content-Length"])))["Entries"]]
        taken = {"Id": ids[0], "MessageId": "m", "MD5OfMessageBody": hashlib.md5(b"{}", usedforsecurity=False).hexdigest()}
        failed = [{"Id": one, "Code": "InternalError", "SenderFault": False} for one in ids[1:]]
        body = json.dumps({"Successful": [taken], "Failed": failed}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_messages_that_sqs_refuses_are_told(caplog: pytest.LogCaptureFixture) -> None:
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        waker(f"http://127.0.0.1:{server.server_port}/000000000000/ocr").wake(3)
        server.shutdown()
    (record,) = (record for record in caplog.records if record.name == "docusnap.adapters.sqs")
    assert (record.message, record.__dict__["lost"], record.__dict__["reason"]) == ("wakes were refused", 2, "InternalError")


def test_the_settings_choose_who_wakes() -> None:
    by_queue = Parts({**ENVIRON, "OCR_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/ocr"})
    by_http = Parts({**ENVIRON, "OCR_URL": "http://127.0.0.1:1/ocr"})
    assert (type(by_queue.waker), type(by_http.waker)) == (SqsWaker, HttpWaker)


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("sqs.eu-central-1.amazonaws.com", "eu-central-1"),
        ("vpce-0a1b-2c3d.sqs.eu-west-3.vpce.amazonaws.com", "eu-west-3"),
        ("sqs-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("sqs.cn-north-1.amazonaws.com.cn", "cn-north-1"),
    ],
)
def test_the_region_that_is_signed_for_is_the_queues_own(host: str, region: str) -> None:
    found = REGION.search(host)
    assert found is not None
    assert found["region"] == region


@pytest.mark.parametrize("host", ["127.0.0.1:4566", "sqs.eu-central-1.amazonaws.com.example"])
def test_a_queue_of_somebody_else_has_the_settings_region(host: str) -> None:
    assert REGION.search(host) is None
