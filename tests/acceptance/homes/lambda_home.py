"""AWS Lambda without AWS: ministack's bucket and queue, AWS's runtime emulator, API Gateway's events, Debian's PostgreSQL 15.

What it needs is brought by tests/system/acceptance-lambda.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from docusnap.migrations import migrate
from docusnap.model import Scope

from tests.acceptance.homes.base import ROOT, has_object
from tests.support.aws.cloud import BUCKET, Cloud, running_cloud, scheduled
from tests.support.debian_postgres import running_postgres
from tests.support.waiting import eventually

SWEEP_SECONDS = 10.0  # at AWS a minute


@dataclass
class LambdaHome:
    """A cloud, with S3 behind a relay that can be taken away; the queue stays, as it would at AWS."""

    cloud: Cloud
    write_once: bool = True
    patience: float = 180.0

    def __post_init__(self) -> None:
        self.api = self.cloud.api
        self.key = self.cloud.key("default", Scope.USER, Scope.OPERATOR)
        self.other_key = self.cloud.key("other", Scope.USER)

    def put_foreign(self, key: str, body: bytes) -> None:
        self.cloud.store.client().put_object(Bucket=BUCKET, Key=key, Body=body)

    def has_object(self, key: str) -> bool:
        return has_object(self.cloud.store.client(), BUCKET, key)

    def repeat_event(self, key: str) -> None:
        body = json.dumps(_event(self.cloud.store.client(), key))
        self.cloud.store.client("sqs").send_message(QueueUrl=self.cloud.queue, MessageBody=body)
        eventually(lambda: self.cloud.depth(self.cloud.queue) == 0, "the repeated event was taken from the queue", 60)

    def stop_store(self) -> None:
        self.cloud.bucket.down()

    def start_store(self) -> None:
        self.cloud.bucket.up()


def _event(client: Any, key: str) -> dict[str, Any]:
    """As AWS writes it down, with this object's key, size and etag."""
    found = client.head_object(Bucket=BUCKET, Key=key)
    event: dict[str, Any] = json.loads((ROOT / "events/aws/put.json").read_text("utf-8"))
    s3 = event["Records"][0]["s3"]
    s3["bucket"] |= {"name": BUCKET, "arn": f"arn:aws:s3:::{BUCKET}"}
    s3["object"] |= {"key": quote_plus(key, safe="/"), "size": found["ContentLength"], "eTag": found["ETag"].strip('"')}
    return event


@contextmanager
def opened() -> Iterator[LambdaHome]:
    """All of it, in a folder that PostgreSQL's user can reach; afterwards no message may be a dead letter."""
    folder = Path(tempfile.mkdtemp(prefix="docusnap-"))
    folder.chmod(0o755)
    with ExitStack() as held:
        held.callback(shutil.rmtree, folder, ignore_errors=True)
        database_url = held.enter_context(running_postgres(folder / "postgres"))
        migrate(database_url.replace("postgresql://", "postgresql+psycopg2://", 1))
        cloud = held.enter_context(running_cloud(folder, database_url.replace("postgresql://", "postgresql+psycopg2://", 1)))
        held.enter_context(scheduled(cloud, SWEEP_SECONDS))
        yield LambdaHome(cloud)
        assert cloud.depth(cloud.dead) == 0, "a message ended as a dead letter"
