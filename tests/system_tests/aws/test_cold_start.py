"""How long the first answer of a fresh environment takes; printed, since it depends on the machine.

It begins with the call, as it does for a client of Lambda: awslambdaric starts, our modules are imported, clients are built. What comes
before at AWS (a place for the environment, the image or the layer on its disk) is AWS's own and not seen here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tests.acceptance.client import Client, upload
from tests.support.aws.cloud import Cloud
from tests.support.aws.environment import Image
from tests.support.aws.function import Call, running_function
from tests.support.aws.gateway import event_of, find
from tests.support.aws.messages import sqs_event
from tests.support.aws.template import routes
from tests.support.stores.store import ROOT
from tests.system_tests.aws.test_limits import s3_event

PAGE = (ROOT / "layers/docusnap/sample/page.png").read_bytes()
TIMES = 3


def http_event(method: str, path: str, key: str, body: bytes = b"") -> dict[str, Any]:
    found = find(routes(), method, path)
    assert found is not None
    return event_of(found, method, path, [("Authorization", f"Bearer {key}"), ("Content-Type", "application/json")], body)


def measured(image: Image, folder: Path, events: Callable[[], Any], right: Callable[[Call], bool]) -> list[float]:
    """Of a few fresh environments, the middle: seconds of the first call, of processors in it, and of the second call."""
    rows = []
    for number in range(TIMES):
        own = folder / f"cold-{image.name}-{number}"
        own.mkdir()
        with running_function(image, own) as function:
            row = []
            for _ in ("first", "second"):
                event = events()
                began = time.monotonic()
                call = function.invoke(event)
                row += [time.monotonic() - began, function.environments[0].cpu_seconds]
                assert right(call), call.answer
        rows.append(row[:3])
    return [median(column) for column in zip(*rows, strict=True)]


def test_cold_starts(cloud: Cloud, reader: Client, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    created = b'{"filename":"a.png","content_type":"image/png"}'

    def page() -> dict[str, Any]:
        ticket = reader.register("cold.png", len(PAGE))
        assert upload(ticket["upload"], PAGE).ok
        return sqs_event(s3_event(f"uploads/default-{ticket['id']}"))

    calls: dict[str, tuple[Callable[[], Any], Callable[[Call], bool]]] = {
        "query": (lambda: http_event("GET", "/v1/documents", reader.key), lambda call: call.answer["statusCode"] == 200),
        "upload": (lambda: http_event("POST", "/v1/documents", reader.key, created), lambda call: call.answer["statusCode"] == 201),
        "ocr": (page, lambda call: call.answer == {"handled": 2, "batchItemFailures": []}),
    }
    cloud.mapping(enabled=False)  # or another environment would read the page
    try:
        rows = {name: measured(cloud.functions[name].image, folder, *call) for name, call in calls.items()}
    finally:
        cloud.mapping(enabled=True)
    with capsys.disabled():
        print(f"\nfresh environments, the middle of {TIMES}, in seconds: the first call, processors in it, the next call")
        for name, row in rows.items():
            print(f"  {name:<8}", *(f"{value:8.2f}" for value in row))
