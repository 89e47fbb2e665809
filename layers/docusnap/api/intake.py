"""The `intake` function over HTTP: bucket notifications, sent by a webhook, by SNS or as CloudEvents.

Who sends must know EVENTS_TOKEN, but for SNS: its envelope is verified, token or not, before anything in it is believed.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from typing import Any

from chalice.app import Response

from docusnap import errors, notification
from docusnap.api import bodies
from docusnap.api.app import App, Call, add_options, bearer, json_response
from docusnap.bootstrap import Parts
from docusnap.intake import Intake
from docusnap.model import ObjectCreated
from docusnap.settings import Settings

EVENTS = "/events/s3"
EVENTS_WITH_TOKEN = "/events/s3/{token}"  # noqa: S105  a path, for senders that cannot set a header


def create_handler(parts: Callable[[], Parts]) -> Callable[[Any, Any], dict[str, Any]]:
    """`handler(event, context)` for REST v1 payloads; nothing is built before the first request."""
    app = App("intake", parts)

    @cache
    def stage() -> Intake:
        p = parts()
        return Intake(ledger=p.ledger, store=p.store, waker=p.waker)

    def receive(call: Call, token: str | None) -> Response:
        settings = parts().settings
        if not _is_right(token, settings.events_token):
            return answer(call, _of_sns(parts, _of_a_stranger(call.body, settings)))
        payload = _load(call.body, settings.max_json_bytes)
        if notification.is_sns(payload):
            return answer(call, _of_sns(parts, payload))
        return answer(call, notification.parse_bare(notification.as_cloud_event(payload, call.headers)))

    def answer(call: Call, events: Sequence[ObjectCreated]) -> Response:
        told = asdict(stage().receive(events))
        return Response("", {"Cache-Control": "no-store"}, 200) if _is_cloud_event(call.headers) else json_response(told)

    @app.call(["POST"], EVENTS, scope=None)
    def by_header(call: Call) -> Response:
        return receive(call, token_of(call.headers))

    @app.call(["POST"], EVENTS_WITH_TOKEN, scope=None)
    def by_path(call: Call, token: str) -> Response:
        return receive(call, token)

    @app.call(["HEAD"], EVENTS, scope=None)
    @app.call(["HEAD"], EVENTS_WITH_TOKEN, scope=None)
    def probe(_: Call, **__: str) -> Response:
        return Response("", {}, 200)

    add_options(app, [EVENTS, EVENTS_WITH_TOKEN])
    return app


def _is_cloud_event(headers: Mapping[str, str]) -> bool:
    """Knative's Broker takes an answer with a body that is no event itself for a failure, and sends again."""
    return "ce-specversion" in headers or (headers.get("content-type") or "").lower().startswith("application/cloudevents")


def token_of(headers: Mapping[str, str]) -> str | None:
    """The bearer token; MinIO of 2021 puts Bearer before a value that has it already."""
    token = bearer(headers.get("authorization"))
    return bearer(token) or token


def _load(body: bytes, limit: int) -> Any:
    try:
        return bodies.load(body, limit)
    except errors.MalformedJson as exc:
        raise errors.NotificationUnparsable from exc


def _is_right(given: str | None, expected: str | None) -> bool:
    return bool(given and expected) and hmac.compare_digest(_bytes(given or ""), _bytes(expected or ""))


def _of_a_stranger(body: bytes, settings: Settings) -> Any:
    """Without the token only SNS may come: what cannot be its envelope is not even read as JSON. Raises: InvalidEventsToken."""
    if not settings.sns_topic_arns or b'"TopicArn"' not in body:
        raise errors.InvalidEventsToken
    try:
        return _load(body, settings.max_json_bytes)
    except (errors.NotificationUnparsable, errors.BodyTooLarge) as exc:
        raise errors.InvalidEventsToken from exc


def _of_sns(parts: Callable[[], Parts], payload: object) -> Sequence[ObjectCreated]:
    """What a genuine envelope holds; nothing where it was about the subscription."""
    if not isinstance(payload, Mapping) or not notification.is_sns(payload):
        raise errors.InvalidEventsToken
    message = parts().topics.open(payload)
    return notification.parse_message(message) if message is not None else ()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
