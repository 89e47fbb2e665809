"""A WSGI server's side of a conversation, for applications that need no server."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from docusnap.hosts.http import Application


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes


def ask(application: Application, method: str, uri: str, *, body: bytes = b"", chunked: bool = False, **headers: str) -> Reply:
    """One request; header names with underscores for hyphens."""
    answered: list[Any] = []
    path, _, query = uri.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "RAW_URI": uri,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "wsgi.input": io.BytesIO(body),
        **({"HTTP_TRANSFER_ENCODING": "chunked"} if chunked else {"CONTENT_LENGTH": str(len(body))}),
        **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
    }
    sent = b"".join(application(environ, lambda status, given: answered.append((status, given))))
    ((status, given),) = answered
    return Reply(int(status[:3]), {name.lower(): value for name, value in given}, sent)
