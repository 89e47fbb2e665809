"""SQS's messages: what a mapping hands over, and what the calls of `ocr` were about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.support.aws.function import Call, Function


def messages(call: Call) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = call.event.get("Records", [])
    return found


def arrivals(function: Function, part: str) -> list[Call]:
    """The calls with a message that holds these words, such as a document's id or a key."""
    return [call for call in list(function.calls) if any(part in message["body"] for message in messages(call))]


def wakes(function: Function) -> list[Call]:
    """The calls by a message that says nothing."""
    return [call for call in list(function.calls) if any(message["body"] == "{}" for message in messages(call))]


def receive_counts(function: Function) -> Iterator[int]:
    """How often each message had been received."""
    for call in list(function.calls):
        yield from (int(message["attributes"]["ApproximateReceiveCount"]) for message in messages(call))


def failures(function: Function) -> list[str]:
    """The ids of the messages that came again."""
    answers = [call.answer for call in list(function.calls)]
    return [one["itemIdentifier"] for answer in answers if isinstance(answer, dict) for one in answer.get("batchItemFailures", ())]


def sqs_event(*bodies: Any) -> dict[str, Any]:
    """What a mapping hands over for messages of these bodies; their ids are m0, m1 …"""
    return {
        "Records": [
            {
                "messageId": f"m{number}",
                "receiptHandle": f"handle-{number}",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1700000000000", "SenderId": "000000000000"},
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:docusnap-ocr",
                "awsRegion": "us-east-1",
            }
            for number, body in enumerate(bodies)
        ]
    }
