"""The images as `tests/system/images` built them, and a home of containers to start some of them in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from tests.acceptance.homes.containers_home import ContainersHome, opened
from tests.support.containers import image, podman

BASE = "localhost/debian-python:bookworm"
HTTP = ("functions", "ocr", "ocr-cuda")
ALL = (*HTTP, "ocr-lambda", "admin")
# Settings with which a function starts: nothing connects before the first request.
NOWHERE = {"DATABASE_URL": "postgresql://nobody:nothing@127.0.0.1:1/nowhere", "S3_ENDPOINT_URL": "http://127.0.0.1:1"}


@cache
def inspected(name: str) -> dict[str, Any]:
    """What podman knows of an image."""
    found: list[dict[str, Any]] = json.loads(podman("image", "inspect", name).stdout)
    return found[0]


def megabytes(name: str) -> float:
    return float(inspected(name)["Size"]) / 10**6


def words(environ: dict[str, str]) -> list[str]:
    return [word for name, value in environ.items() for word in ("--env", f"{name}={value}")]


def said(target: str, *command: str, environ: dict[str, str] | None = None, root: bool = False) -> str:
    """What a command prints in a container without a network, where only /tmp can be written."""
    user = ["--user", "0"] if root else []
    options = ["--rm", "--read-only", "--network", "none", "--no-healthcheck", "--entrypoint", json.dumps([command[0]]), *user]
    return podman("run", *options, *words(environ or {}), image(target), *command[1:]).stdout


@pytest.fixture(scope="session")
def home() -> Iterator[ContainersHome]:
    with opened() as found:
        yield found
