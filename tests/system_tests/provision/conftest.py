"""Each store once for all tests of its kind."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.sink import Sink, running_sink


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """With a short name: Ceph's sockets lie in it."""
    with tempfile.TemporaryDirectory(prefix="docusnap-", ignore_cleanup_errors=True) as folder:
        yield Path(folder) / "store"


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with running_sink() as sink:
        yield sink


@pytest.fixture
def bucket() -> str:
    """A name that no bucket has yet."""
    return f"bucket-{uuid4().hex[:12]}"
