"""A thousand schedules, each out of its seed: whatever happened in one, nothing is lost, twice, stuck or back from the dead.

`DOCUSNAP_SIMULATION_SEEDS=5000-9999` plays others than CI does.
"""

from __future__ import annotations

import os

from tests.simulation.database import SimulatedDatabase
from tests.simulation.runner import play_shared, verdicts

SEEDS = os.environ.get("DOCUSNAP_SIMULATION_SEEDS", "0-999")
SERVER = os.environ.get("DOCUSNAP_TEST_DATABASE_URL")


def test_every_schedule_ends_well() -> None:
    first, _, last = SEEDS.partition("-")
    failed, printed = play_shared(range(int(first), int(last or first) + 1), SERVER)
    print(printed)
    assert not failed, printed


def test_one_seed_is_one_schedule_whatever_was_played_before(database: SimulatedDatabase) -> None:
    alone = {verdict.seed: verdict.log for verdict in verdicts([7, 8, 9], database)}
    again = {verdict.seed: verdict.log for verdict in verdicts([9, 3, 8, 7], database)}
    assert {seed: again[seed] for seed in alone} == alone
