"""One cloud for all tests of the folder: each sends documents of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from docusnap.model import Scope

from tests.acceptance.client import Client
from tests.support.aws.cloud import Cloud, running_cloud
from tests.support.waiting import eventually

PATIENCE = 90.0  # seconds; the machine may be busy
WORK_SECONDS = 1  # instead of 50, so that 300 cheap pages need many calls on a fast machine too, and hand-overs are seen


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="docusnap-aws-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def shared_cloud(folder: Path, migrated_database_url: str) -> Iterator[Cloud]:
    with running_cloud(folder, migrated_database_url, OCR_WORK_SECONDS=str(WORK_SECONDS)) as cloud:
        yield cloud


@pytest.fixture
def cloud(shared_cloud: Cloud) -> Cloud:
    """As AWS would have it; whatever a test took away comes back."""
    shared_cloud.hidden_for(720)
    eventually(lambda: shared_cloud.depth(shared_cloud.queue) == 0, "what other tests sent is done", PATIENCE)
    shared_cloud.ocr.calls.clear()
    return shared_cloud


@pytest.fixture
def reader(cloud: Cloud) -> Client:
    return Client(cloud.api, cloud.key("default", Scope.USER, Scope.OPERATOR), PATIENCE)
