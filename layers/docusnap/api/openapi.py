"""`openapi.json` is the one table of calls: routes, methods and request schemas are read from it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import unquote

UNROUTED = "/{proxy+}"  # what API Gateway calls the path that matches nothing else
_METHODS = ("get", "head", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Route:
    """A path as the description writes it, and what a request put in its place."""

    template: str
    parameters: Mapping[str, str]


@cache
def document() -> Mapping[str, Any]:
    """The description itself; 50 kB, read once."""
    loaded: Mapping[str, Any] = json.loads(text())
    return loaded


@cache
def text() -> str:
    return resources.files("docusnap.api").joinpath("openapi.json").read_text("utf-8")


@cache
def templates() -> Sequence[str]:
    return tuple(document()["paths"])


@cache
def methods(template: str) -> tuple[str, ...]:
    """What this path takes, in capitals; every GET answers HEAD, and OPTIONS is answered everywhere. Empty for an unknown path."""
    operations = document()["paths"].get(template, {})
    named = [name.upper() for name in _METHODS if name in operations]
    if not named:
        return ()
    heads = ["HEAD"] if "GET" in named and "HEAD" not in named else []
    return (*named, *heads, "OPTIONS")


def route(path: str) -> Route:
    """The route of a path as it was sent, percent signs and all; `UNROUTED` where there is none.

    An encoded slash is part of a name, and no name here has one.
    """
    if "%2f" not in path.lower():
        segments = path.split("/")
        for template in templates():
            if (parameters := _match(template.split("/"), segments)) is not None:
                return Route(template, parameters)
    return Route(UNROUTED, {"proxy": path.lstrip("/")})


def _match(pattern: Sequence[str], segments: Sequence[str]) -> Mapping[str, str] | None:
    if len(pattern) != len(segments):
        return None
    parameters = {}
    for expected, given in zip(pattern, segments, strict=True):
        if expected.startswith("{") and given:
            parameters[expected[1:-1]] = unquote(given)
        elif expected != given:
            return None
    return parameters
