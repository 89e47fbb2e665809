"""The stores whose notifications `events/record.py` records, each with one bucket that tells all it has to tell."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.store import client as juicefs_client
from tests.support.store import running_gateway
from tests.support.stores import Store, running_ceph, running_minio, running_ministack

BUCKET = "docusnap"
WAIT_SECONDS = 20
EVENTS = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]
WEBHOOK = {"QueueConfigurations": [{"QueueArn": "arn:minio:sqs::OCR:webhook", "Events": EVENTS}]}

Payload = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """A store with its bucket, and the next thing that it says."""

    client: Any
    told: Callable[[], Payload]
    secrets: tuple[str, ...]  # replaced in what is kept
    versions: bool  # whether a bucket can keep them


@contextmanager
def sink() -> Iterator[tuple[str, Callable[[], Payload]]]:
    """A webhook, and what it was sent."""
    got: queue.Queue[Payload] = queue.Queue()

    class Sink(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def do_HEAD(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing: the recordings are the log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/events/s3", lambda: got.get(timeout=WAIT_SECONDS)
    server.shutdown()


@contextmanager
def juicefs(folder: Path) -> Iterator[Source]:
    """The embedded store, whose notifications are MinIO's own code of 2021."""
    with sink() as (webhook, told), running_gateway(folder, webhook=webhook) as gateway:
        client = juicefs_client(gateway)
        client.create_bucket(Bucket=BUCKET)
        client.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=WEBHOOK)
        yield Source(client, told, (gateway.access_key,), versions=False)


@contextmanager
def minio(folder: Path) -> Iterator[Source]:
    """MinIO's own server, its last commit."""
    with sink() as (webhook, told), running_minio(folder, webhook=webhook) as store:
        yield Source(_with_bucket(store, WEBHOOK), told, (store.access_key,), versions=True)


@contextmanager
def ceph(folder: Path) -> Iterator[Source]:
    """Ceph's gateway of Debian, through a topic that pushes at once."""
    with sink() as (webhook, told), running_ceph(folder) as store:
        topic = store.client("sns").create_topic(Name="docusnap", Attributes={"push-endpoint": webhook, "persistent": "false"})["TopicArn"]
        notification = {"TopicConfigurations": [{"Id": "docusnap", "TopicArn": topic, "Events": EVENTS}]}
        yield Source(_with_bucket(store, notification), told, (store.access_key,), versions=True)


@contextmanager
def ministack(folder: Path) -> Iterator[Source]:
    """An imitation of AWS: S3 → SQS."""
    with running_ministack(folder) as store:
        arn, told = _queue(store)
        notification = {"QueueConfigurations": [{"Id": "docusnap", "QueueArn": arn, "Events": EVENTS}]}
        client = _with_bucket(store, notification)
        yield Source(client, told, (), versions=True)


@contextmanager
def ministack_sns(folder: Path) -> Iterator[Source]:
    """An imitation of AWS: S3 → SNS → SQS."""
    with running_ministack(folder) as store:
        arn, told = _queue(store)
        sns = store.client("sns")
        topic = sns.create_topic(Name="docusnap-uploads")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        notification = {"TopicConfigurations": [{"Id": "docusnap", "TopicArn": topic, "Events": EVENTS}]}
        client = _with_bucket(store, notification)
        yield Source(client, told, (), versions=True)


def _with_bucket(store: Store, notification: Payload) -> Any:
    client = store.client()
    client.create_bucket(Bucket=BUCKET)
    client.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=notification)
    return client


def _queue(store: Store) -> tuple[str, Callable[[], Payload]]:
    """A queue that anybody may send to, and its next message; test events are passed over."""
    sqs = store.client("sqs")
    url = sqs.create_queue(QueueName="docusnap")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})

    def told() -> Payload:
        for _ in range(WAIT_SECONDS):
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1, WaitTimeSeconds=1).get("Messages", ()):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                body: Payload = json.loads(message["Body"])
                if "s3:TestEvent" not in message["Body"]:
                    return body
        raise AssertionError("no message came")

    return arn, told


SOURCES = {"minio": juicefs, "minio-server": minio, "ceph": ceph, "ministack": ministack, "ministack-sns": ministack_sns}
