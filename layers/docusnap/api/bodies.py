"""A request body → a plain dict that its schema allows."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, NoReturn

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match

from docusnap import errors
from docusnap.api import openapi

LONGEST_NUMBER = 40  # digits; beyond any limit, and before Python refuses to read it


def read(body: bytes, schema: str, *, limit: int, optional: bool = False) -> dict[str, Any]:
    """The members of a JSON object in UTF-8; an absent body counts as {} where it is `optional`.

    Raises: BodyTooLarge over `limit` bytes, MalformedJson, InvalidBody.
    """
    if optional and not body.strip():
        return {}
    value = load(body, limit)
    _validate(value, schema)
    checked: dict[str, Any] = value
    return checked


def load(body: bytes, limit: int) -> Any:
    """Raises: BodyTooLarge, MalformedJson."""
    if len(body) > limit:
        raise errors.BodyTooLarge(f"The request body is larger than MAX_JSON_BYTES, which is {limit} bytes.")
    try:
        return json.loads(body.decode("utf-8"), parse_int=_integer, parse_constant=_refuse)
    except (ValueError, RecursionError) as exc:
        raise errors.MalformedJson from exc


@cache
def _validator(schema: str) -> Draft202012Validator:
    """Checks a request body against a schema of the description; request schemas refer to no other."""
    return Draft202012Validator(openapi.document()["components"]["schemas"][schema])


def _integer(digits: str) -> int:
    return int(digits[:LONGEST_NUMBER])


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _validate(value: Any, schema: str) -> None:
    error = best_match(_validator(schema).iter_errors(value))
    if error is not None:
        raise _invalid(error)
    for member, text in value.items():
        if isinstance(text, str) and not _is_unicode(text):
            raise errors.InvalidBody(f"{member}: half a surrogate pair is no character.", member=member)


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _invalid(error: ValidationError) -> errors.InvalidBody:
    member = _member(error)
    if error.validator in {"minProperties", "maxProperties"}:
        schema: Any = error.schema
        return errors.InvalidBody(f"Give exactly one of {', '.join(schema['properties'])}.")
    if member is None:
        return errors.InvalidBody("The body is not a JSON object.")
    return errors.InvalidBody(f"{member}: {_sentence(error)}.", member=member)


def _member(error: ValidationError) -> str | None:
    """The name of the member that is wrong; the message says no more of the value than its kind."""
    named = [str(part) for part in list(error.path)[:1]]
    rule: Any = error.validator_value
    instance: Any = error.instance
    schema: Any = error.schema
    if error.validator == "required":
        named.append(next(name for name in rule if name not in instance))
    elif error.validator == "additionalProperties":
        unknown = next(name for name in instance if name not in schema["properties"])
        named.append(str(unknown)[:100].encode("utf-8", "replace").decode())
    return ".".join(named) or None


def _sentence(error: ValidationError) -> str:
    expected: Any = error.validator_value
    sentences = {
        "required": "is missing",
        "additionalProperties": "is not a member of this call",
        "type": f"must be of type {expected}",
        "minimum": f"must be at least {expected}",
        "minLength": f"must have at least {expected} characters",
        "maxLength": f"must have at most {expected} characters",
        "maxItems": f"must have at most {expected} items",
        "enum": f"must be one of {', '.join(map(str, expected))}" if error.validator == "enum" else "",
        "pattern": "has characters that are not allowed",
    }
    return sentences.get(str(error.validator), "has a value that is not allowed")
