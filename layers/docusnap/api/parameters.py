"""Query values and headers → Python values. Names that a call does not know are ignored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NoReturn

from docusnap import errors
from docusnap.model import DeadFilter, Status

Query = Mapping[str, str]

DEFAULT_LIMIT, LARGEST_LIMIT = 20, 100
LONGEST_WAIT = 25  # seconds
LONGEST_SEARCH = 1000  # characters


def limit(query: Query) -> int:
    """Raises: InvalidQuery."""
    text = query.get("limit", str(DEFAULT_LIMIT))
    if not re.fullmatch("[0-9]{1,4}", text) or not 1 <= int(text) <= LARGEST_LIMIT:
        _refuse("limit", f"a whole number from 1 to {LARGEST_LIMIT}")
    return int(text)


def wait(query: Query) -> float:
    """Seconds. Raises: InvalidQuery."""
    text = query.get("wait", "0")
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,9})?", text) or float(text) > LONGEST_WAIT:
        _refuse("wait", f"a number of seconds from 0 to {LONGEST_WAIT}")
    return float(text)


def page(query: Query) -> int | None:
    """Any whole number: whether there is such a page is the document's to say. Raises: InvalidQuery."""
    text = query.get("page")
    if text is None:
        return None
    if not re.fullmatch("-?[0-9]+", text):
        _refuse("page", "a whole number from 1")
    return int(text[:18])  # what is longer is beyond every document as well


def status(query: Query) -> Status | None:
    """Raises: InvalidQuery."""
    text = query.get("status")
    if text is None:
        return None
    if text not in list(Status):
        _refuse("status", f"one of {', '.join(Status)}")
    return Status(text)


def cursor(query: Query) -> str | None:
    return query.get("cursor")


def dead(query: Query) -> DeadFilter:
    """Raises: InvalidQuery."""
    return DeadFilter(_name(query, "tenant", "[a-z0-9-]{1,63}"), _name(query, "code", "[a-z0-9_]{1,64}"))


def _name(query: Query, parameter: str, pattern: str) -> str | None:
    text = query.get(parameter)
    if text is not None and not re.fullmatch(pattern, text):
        _refuse(parameter, f"a name of a {parameter}")
    return text


def search(query: Query) -> str:
    """Raises: EmptyQuery, InvalidQuery."""
    text = query.get("q", "").replace("\0", " ").strip()
    if not text:
        raise errors.EmptyQuery
    if len(text) > LONGEST_SEARCH:
        _refuse("q", f"at most {LONGEST_SEARCH} characters")
    return text


def idempotency_key(headers: Mapping[str, str]) -> str | None:
    """Raises: InvalidHeader."""
    key = headers.get("idempotency-key")
    if key is not None and not re.fullmatch("[!-~]{1,255}", key):
        raise errors.InvalidHeader("Idempotency-Key: expected 1 to 255 visible ASCII characters.", parameter="Idempotency-Key")
    return key


def _refuse(name: str, expected: str) -> NoReturn:
    raise errors.InvalidQuery(f"{name}: expected {expected}.", parameter=name)
