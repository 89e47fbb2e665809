"""The `intake` function over HTTP: bucket notifications, sent by a webhook."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cache
from typing import Any

from chalice.app import Response

from docusnap import errors, notification
from docusnap.api import bodies
from docusnap.api.app import App, Call, add_options, bearer, json_response
from docusnap.bootstrap import Parts
from docusnap.intake import Intake

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
        _check(token, settings.events_token)
        return json_response(asdict(stage().receive(notification.parse(_load(call.body, settings.max_json_bytes)))))

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


def token_of(headers: Mapping[str, str]) -> str | None:
    """The bearer token; MinIO of 2021 puts Bearer before a value that has it already."""
    token = bearer(headers.get("authorization"))
    return bearer(token) or token


def _load(body: bytes, limit: int) -> Any:
    try:
        return bodies.load(body, limit)
    except errors.MalformedJson as exc:
        raise errors.NotificationUnparsable from exc


def _check(given: str | None, expected: str | None) -> None:
    if not given or not expected or not hmac.compare_digest(_bytes(given), _bytes(expected)):
        raise errors.InvalidEventsToken


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
