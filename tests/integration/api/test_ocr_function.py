"""The `ocr` function as Lambda calls it: SQS messages are intake and wake in one; only what could not be written comes again."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import requests
from docusnap import errors
from docusnap.adapters.postgres.ledger import PostgresLedger
from docusnap.api.ocr import LambdaClock, clock_of, create_handler
from docusnap.bootstrap import Parts, cached_property
from docusnap.errors import Interrupted
from docusnap.hosts.stop import Deadline
from docusnap.model import DocumentView, PageRaster, RecognisedPage, Status, UploadRequest
from docusnap.ports import Clock, OcrEngine

from tests.integration.ocr.test_worker import NumberingEngine, _tiff
from tests.support.aws.messages import sqs_event
from tests.support.ports import free_port

Answer = dict[str, Any]


class NumberingParts(Parts):
    """The real parts, but for an engine that reads each page's own number."""

    @cached_property
    def engine(self) -> OcrEngine:  # type: ignore[override]  a property of the same type
        return NumberingEngine()


@dataclass(frozen=True, slots=True)
class Context:
    """Lambda's, as far as it is looked at."""

    seconds: float = 120

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


@dataclass
class Function:
    """The handler, and a client of the same store and ledger."""

    environ: dict[str, str]
    parts: Parts
    others: list[Function] = field(default_factory=list)

    def __call__(self, event: Any, seconds: float = 120) -> Answer:
        return create_handler(lambda: self.parts)(event, Context(seconds))

    def with_environ(self, **more: str) -> Function:
        self.others.append(Function({**self.environ, **more}, NumberingParts({**self.environ, **more})))
        return self.others[-1]

    def close(self) -> None:
        self.parts.decoder.close()
        self.parts.ledger.dispose()
        for other in self.others:
            other.close()

    def uploaded(self, body: bytes) -> DocumentView:
        """A registered document whose object lies in the bucket; nobody has said so yet."""
        asked = UploadRequest("scan.tif", "image/tiff", size=len(body), method="PUT")
        document = self.parts.ledger.register("acme", self.parts.settings.s3_bucket, asked, timedelta(minutes=5), None).document
        ticket = self.parts.store.presign_put(document.key, "image/tiff", len(body), timedelta(minutes=5))
        requests.put(ticket.url, data=body, headers=dict(ticket.headers or {}), timeout=10).raise_for_status()
        return document

    def status(self, document: DocumentView) -> Status:
        return self.parts.ledger.document("acme", document.id).served.status

    def event_of(self, document: DocumentView) -> dict[str, Any]:
        """As S3 writes it into the queue."""
        found = {"bucket": {"name": self.environ["S3_BUCKET"]}, "object": {"key": document.key, "size": 1, "eTag": "e"}}
        return {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": found}]}


@pytest.fixture
def function(environ: dict[str, str], ledger: PostgresLedger) -> Iterator[Function]:
    ledger.create_key("acme", ())
    opened = Function(environ, NumberingParts(environ))
    yield opened
    opened.close()


def failures(answer: Answer) -> list[str]:
    return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


def test_a_message_of_the_bucket_is_taken_and_its_document_read_in_one_call(function: Function) -> None:
    document = function.uploaded(_tiff(2))
    assert function(sqs_event(function.event_of(document))) == {"handled": 3, "batchItemFailures": []}
    assert function.status(document) is Status.SUCCEEDED


def test_a_message_that_comes_twice_changes_nothing(function: Function) -> None:
    document = function.uploaded(_tiff(1))
    message = function.event_of(document)
    assert function(sqs_event(message, message)) == {"handled": 2, "batchItemFailures": []}
    assert function(sqs_event(message)) == {"handled": 0, "batchItemFailures": []}
    assert function.parts.ledger.document("acme", document.id).served.number == 1


def test_a_wake_by_the_queue_works_on_what_is_due(function: Function) -> None:
    document = function.uploaded(_tiff(1))
    assert function(sqs_event(function.event_of(document)), seconds=64) == {"handled": 0, "batchItemFailures": []}
    assert function.status(document) is Status.QUEUED
    assert function(sqs_event({}, " {} ")) == {"handled": 2, "batchItemFailures": []}


@pytest.mark.parametrize("event", [{}, None, {"Records": []}, {"Records": [{"eventSource": "aws:kinesis"}]}], ids=str)
def test_what_brings_no_message_of_sqs_is_a_wake(function: Function, event: Any) -> None:
    assert function(event) == {"handled": 0}


@pytest.mark.parametrize(
    "body",
    ["", "no JSON", "[]", "null", "7", '"{}"', "[" * 100_000, '{"neither":"nor"}', '{"Records":[{"eventSource":"aws:s3"}]}', "\ud800"],
    ids=["empty", "text", "list", "null", "number", "string", "nested", "unknown", "malformed", "surrogate"],
)
def test_what_nobody_understands_comes_again_until_its_queue_gives_it_up(function: Function, body: str) -> None:
    document = function.uploaded(_tiff(1))
    answer = function(sqs_event({}, body, function.event_of(document)))
    assert failures(answer) == ["m1"]
    assert function.status(document) is Status.SUCCEEDED, "its neighbours are taken"


@pytest.mark.parametrize(
    "body",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "docusnap"},
        {
            "Records": [
                {"eventSource": "aws:s3", "eventName": "ObjectRemoved:Delete", "s3": {"bucket": {"name": "b"}, "object": {"key": "k"}}}
            ]
        },
        {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": "k"}}}]},
    ],
    ids=["test event", "removal", "another bucket"],
)
def test_what_is_nothing_to_us_does_not_come_again(function: Function, body: dict[str, Any]) -> None:
    assert function(sqs_event(body)) == {"handled": 0, "batchItemFailures": []}


def test_what_sns_and_eventbridge_wrap_is_unwrapped(function: Function) -> None:
    bucket, documents = function.environ["S3_BUCKET"], [function.uploaded(_tiff(1)) for _ in range(2)]
    topic = "arn:aws:sns:us-east-1:000000000000:t"
    by_sns = {"Type": "Notification", "TopicArn": topic, "Message": json.dumps(function.event_of(documents[0]))}
    detail = {"bucket": {"name": bucket}, "object": {"key": documents[1].key, "etag": "e"}}
    by_bridge = {"source": "aws.s3", "detail-type": "Object Created", "detail": detail}
    assert failures(function(sqs_event(by_sns, by_bridge))) == []
    assert [function.status(document) for document in documents] == [Status.SUCCEEDED] * 2


def test_a_file_that_can_never_be_read_is_no_failed_message(function: Function) -> None:
    document = function.uploaded(b"no picture at all")
    assert function(sqs_event(function.event_of(document))) == {"handled": 1, "batchItemFailures": []}
    assert function.status(document) is Status.REJECTED


def test_all_messages_come_again_where_the_database_is_away(function: Function) -> None:
    message = function.event_of(function.uploaded(_tiff(1)))
    away = function.with_environ(DATABASE_URL=f"postgresql://u:p@127.0.0.1:{free_port()}/d")
    assert failures(away(sqs_event(message, {}))) == ["m0", "m1"]
    with pytest.raises(errors.DatabaseUnavailable):
        away({})


def test_a_message_comes_again_where_the_store_is_away(function: Function) -> None:
    message = function.event_of(function.uploaded(_tiff(1)))
    away = function.with_environ(S3_ENDPOINT_URL=f"http://127.0.0.1:{free_port()}")
    assert failures(away(sqs_event(message, {}))) == ["m0"]


@pytest.mark.parametrize(("seconds", "begins"), [(64, False), (65, False), (66, True), (120, True)])
def test_with_less_than_65_seconds_left_nothing_is_begun(function: Function, seconds: float, begins: bool) -> None:
    answer = function(sqs_event(function.event_of(function.uploaded(_tiff(1)))), seconds)
    assert (answer["handled"] > 0) is begins


@pytest.mark.parametrize(("seconds", "told"), [(60, True), (120, False)])
def test_a_time_out_that_is_too_short_is_an_error_in_the_log(
    function: Function, caplog: pytest.LogCaptureFixture, seconds: float, told: bool
) -> None:
    function({}, seconds)
    said = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert any("time-out is too short" in message for message in said) is told


def test_only_lambda_keeps_65_seconds_for_what_has_begun() -> None:
    assert isinstance(clock_of(Context()), LambdaClock)
    assert clock_of(Context(120)).remaining() == 55
    assert clock_of(Context(10)).remaining() == 0
    assert not clock_of(Context()).stopping()
    with Deadline(50, "request") as context:
        assert 49 < clock_of(context).remaining() <= 50


class RunningOut:
    """A call whose time is nearly up in the middle of a page."""

    seconds = 120.0

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


class SlowOnce(NumberingEngine):
    """Its first page takes what is left of the call, and is broken off as in the real engine."""

    def __init__(self, context: RunningOut) -> None:
        super().__init__()
        self._context = context

    def recognise(self, pages: Iterable[PageRaster], *, clock: Clock | None = None) -> Iterator[RecognisedPage]:
        if self._context.seconds > 3:
            self._context.seconds = 3
            assert clock is not None
            assert clock.stopping()
            raise Interrupted
        yield from super().recognise(pages, clock=clock)


class Wakes:
    """A waker that counts."""

    sent = 0

    def wake(self, count: int = 1) -> None:
        self.sent += count


def test_a_page_that_the_time_runs_out_on_is_handed_over_with_a_wake_and_is_no_failure(function: Function) -> None:
    context, wakes, document = RunningOut(), Wakes(), function.uploaded(_tiff(1))
    function.parts.__dict__.update(engine=SlowOnce(context), waker=wakes)
    handler = create_handler(lambda: function.parts)
    assert failures(handler(sqs_event(function.event_of(document)), context)) == []
    assert (function.status(document), wakes.sent) == (Status.PROCESSING, 1)
    context.seconds = 120
    function.parts.__dict__["engine"] = NumberingEngine()
    function.parts.__dict__.pop("worker")
    assert handler(sqs_event({}), context)["handled"] == 1
    assert function.status(document) is Status.SUCCEEDED
