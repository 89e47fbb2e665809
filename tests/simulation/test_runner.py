"""How the seeds are shared out."""

from __future__ import annotations

import pytest

from tests.simulation.runner import MOST_SERVERS, UNPINNED, _shares

URL = "postgresql://somewhere/else"


@pytest.mark.parametrize("cores", [[0], [2, 5]])
def test_every_core_gets_a_process_with_a_server_of_its_own(cores: list[int]) -> None:
    assert _shares(None, cores) == [["--core", str(core)] for core in cores]


def test_a_machine_of_many_cores_starts_only_some_servers() -> None:
    assert len(_shares(None, list(range(64)))) == MOST_SERVERS


def test_a_server_that_somebody_named_is_used_by_all_and_pins_none() -> None:
    assert _shares(URL, [0, 1]) == [["--server", URL]] * UNPINNED
    assert _shares(URL, [0]) == [["--server", URL]]


def test_a_system_that_pins_nothing_plays_all_the_same() -> None:
    assert _shares(None, []) == [[]] * UNPINNED
