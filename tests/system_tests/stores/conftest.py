"""The named store, prepared by `docusnap provision`, with DocuSnap's gateway where its events go."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import boto3
import pytest
from docusnap.adapters.postgres.ledger import PostgresLedger
from docusnap.api.ocr import create_handler
from docusnap.bootstrap import Parts
from docusnap.model import Scope

from tests.support.api import EVENTS_TOKEN, Tenant, serve
from tests.support.ports import free_port
from tests.support.provision import provisioned
from tests.support.store import EMBEDDED, S3Gateway, client, named_store, running_gateway
from tests.system_tests.stores.home import ORIGIN, Home

BY_WEBHOOK = {EMBEDDED, "minio"}  # what their servers are started with says where events go


@pytest.fixture(scope="session")
def home(s3_gateway: S3Gateway, migrated_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    port = free_port()
    events = f"http://127.0.0.1:{port}/events/s3"
    with ExitStack() as parts:
        store = s3_gateway
        if store.name in BY_WEBHOOK:
            folder = parts.enter_context(tempfile.TemporaryDirectory(prefix="docusnap-s3-", ignore_cleanup_errors=True))
            start = running_gateway if store.name == EMBEDDED else named_store(store.name)
            store = parts.enter_context(start(Path(folder), webhook=events, token=EVENTS_TOKEN, origins=[ORIGIN]))
        environ = {**store.environ("docusnap"), "DATABASE_URL": migrated_database_url, "EVENTS_TOKEN": EVENTS_TOKEN}
        server = parts.enter_context(serve(tmp_path_factory.mktemp("gateway"), environ, port=port))
        queue = _prepared(store, environ, events)
        s3 = client(store)
        parts.callback(s3.close)
        yield Home(store.name, "docusnap", server, s3, _consumer(environ, store, queue, parts) if queue else _nothing)


def _prepared(store: S3Gateway, environ: Mapping[str, str], events: str) -> str | None:
    """The URL of the queue to which the store sends, where it sends to one."""
    kind = {"ministack": "aws", "ceph": "ceph"}.get(store.name, "minio")
    said = provisioned(environ, "--kind", kind, *([] if kind == "aws" else ["--events-url", events]), "--cors", ORIGIN)
    lines = [line.strip() for line in said.splitlines()]
    return next((line.partition("=")[2] for line in lines if line.startswith("OCR_QUEUE_URL=")), None)


def _nothing() -> None:
    """The store itself posts its events."""


class _TimeIsUp:
    """The context of a call that may queue what it was told, and begin nothing."""

    def get_remaining_time_in_millis(self) -> int:
        return 0


def _consumer(environ: Mapping[str, str], store: S3Gateway, queue: str, open_ones: ExitStack) -> Callable[[], None]:
    """What Lambda's event source mapping does: the queue's messages to the `ocr` function, and away with those that it took."""
    parts = Parts(environ)
    open_ones.callback(parts.decoder.close)  # type: ignore[attr-defined]  the real one
    handler = create_handler(lambda: parts)
    sqs = boto3.client(
        "sqs",
        endpoint_url=store.url,
        region_name="us-east-1",
        aws_access_key_id=store.access_key,
        aws_secret_access_key=store.secret_key,
    )

    def deliver() -> None:
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", ())
        records = [{"eventSource": "aws:sqs", "messageId": message["MessageId"], "body": message["Body"]} for message in messages]
        if not records:
            return
        failed = {failure["itemIdentifier"] for failure in handler({"Records": records}, _TimeIsUp())["batchItemFailures"]}
        assert not failed, json.dumps(records)
        for message in messages:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])

    return deliver


@pytest.fixture
def tenant(home: Home, ledger: PostgresLedger) -> Tenant:
    """To whom foreign objects belong too."""
    return Tenant(home.server, ledger.create_key("default", {Scope.USER}))
