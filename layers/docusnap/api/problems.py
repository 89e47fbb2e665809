"""An error → an `application/problem+json` answer (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from docusnap.errors import DocuSnapError, NotReady, TooManyRequests, Unauthorized

MEDIA_TYPE = "application/problem+json"
SOON, LATER = "1", "5"  # seconds


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, before any host's own words for it."""

    status: int
    headers: Mapping[str, str]
    body: str


def answer(exc: DocuSnapError, instance: str | None = None) -> Answer:
    """The problem document with the headers that its status asks for; `instance` is the request's id."""
    problem = exc.problem
    members = {
        "type": f"/docs#{exc.code}",
        "title": HTTPStatus(exc.http_status).phrase,
        "status": exc.http_status,
        "detail": problem.message.strip(),
        "code": exc.code,
        **({"page": problem.page} if problem.page is not None else {}),
        **exc.members,
        **({"instance": instance} if instance else {}),
    }
    return Answer(exc.http_status, {"Content-Type": MEDIA_TYPE, **_headers(exc)}, json.dumps(members, ensure_ascii=False))


def _headers(exc: DocuSnapError) -> Mapping[str, str]:
    headers: dict[str, Any] = {}
    if isinstance(exc, Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    if exc.retryable:
        headers["Retry-After"] = LATER if isinstance(exc, TooManyRequests) else SOON if isinstance(exc, NotReady) else "2"
    if "allow" in exc.members:
        headers["Allow"] = ", ".join(exc.members["allow"])
    return headers
