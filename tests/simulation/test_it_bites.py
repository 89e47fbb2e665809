"""A test of the test: with one mistake in the ledger, some schedule ends badly."""

from __future__ import annotations

import pytest

from tests.simulation.database import SimulatedDatabase
from tests.simulation.mutations import MUTATIONS, Mutation, Swap
from tests.simulation.runner import verdicts

SCHEDULES = 200  # within which each mistake is found


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_simulator_finds(mutation: Mutation, database: SimulatedDatabase) -> None:
    seeds = [mutation.found_by, *range(SCHEDULES)]  # the seed that found it first, so that CI need not search
    with mutation.at_work() as rewrite:
        found = next((verdict for verdict in verdicts(seeds, database, rewrite) if verdict.violations), None)
    assert not isinstance(rewrite, Swap) or rewrite.made, "there is no such statement any more"
    assert found is not None
