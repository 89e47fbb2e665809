"""A function behind the HTTP host whose patience with slow clients is short, so that tests need not be long."""

from __future__ import annotations

from typing import Any

from docusnap.hosts import connection
from docusnap.hosts.http import json_host

connection.HEAD_SECONDS = connection.BODY_SECONDS = connection.SEND_SECONDS = 0.5
connection.LINGER_SECONDS = 0.2


def handler(event: Any, context: Any) -> dict[str, Any]:
    """`{"long": n}`: an answer of so many characters."""
    return {"text": "x" * event.get("long", 0)}


app = json_host(handler, 1e6)
