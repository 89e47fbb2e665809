"""`docusnap sweep` as a cron job runs it: a process that ends when it is done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from tests.integration.test_waker import Sleeper, _serving
from tests.support.store import S3Gateway

DOCUSNAP = Path(sys.executable).with_name("docusnap")


@pytest.fixture
def found_bucket(s3_gateway: S3Gateway) -> str:
    """A bucket with one object that no event brought."""
    bucket = s3_gateway.new_bucket()
    environ = s3_gateway.environ(bucket)
    client = boto3.client(
        "s3",
        endpoint_url=environ["S3_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id=environ["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environ["AWS_SECRET_ACCESS_KEY"],
    )
    client.put_object(Bucket=bucket, Key="incoming/a.png", Body=b"twelve bytes")
    client.close()
    return bucket


def test_its_wake_has_arrived_and_was_answered_before_it_ends(s3_gateway: S3Gateway, found_bucket: str, database_url: str) -> None:
    with _serving(Sleeper()) as worker:
        environ = {**os.environ, **s3_gateway.environ(found_bucket), "DATABASE_URL": database_url, "OCR_URL": worker.url}
        with subprocess.Popen([DOCUSNAP, "sweep"], env=environ, stdout=subprocess.PIPE, text=True) as swept:
            assert swept.stdout is not None
            told = json.loads(swept.stdout.readline())
            assert (told["foreign"], told["due"]) == (1, 1)
            assert worker.has_seen(1)
            assert swept.poll() is None
            worker.may_answer.set()
            assert swept.wait(timeout=30) == 0
        assert worker.has_answered(1)
    assert worker.hung_up == 0
