"""One simulated database for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.simulation.database import SimulatedDatabase
from tests.simulation.runner import simulated_database


@pytest.fixture(scope="module")
def database(postgres_url: str) -> Iterator[SimulatedDatabase]:
    with simulated_database(postgres_url) as database:
        yield database
