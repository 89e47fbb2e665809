"""Every check in every home: `CONFORMANCE_HOMES` names them, by commas; the bare process where it is not set."""

from __future__ import annotations

import pytest

from tests.conformance import checks
from tests.conformance import table as table_of
from tests.conformance.conftest import NAMES
from tests.conformance.homes import HOMES, ROOT
from tests.conformance.world import CHECKS, Check, World

CASES = [pytest.param(name, check, id=f"{name}: {check.name}") for name in NAMES for check in CHECKS if HOMES[name].front in check.fronts]


@pytest.mark.parametrize(("home", "check"), CASES)
def test_a_function_keeps_the_contract(world: World, check: Check) -> None:
    check.run(world)


def test_every_topic_has_checks() -> None:
    assert {check.topic for check in CHECKS} == set(checks.__all__)


def test_the_table_in_the_docs_has_every_check() -> None:
    table = (ROOT / "docs/faas.md").read_text("utf-8")
    assert [check.name for check in CHECKS if f"| {check.topic} | {table_of.sentence(check)} |" not in table] == []
