"""The suite's result: checks × homes, in markdown."""

from __future__ import annotations

import pytest

from tests.conformance.world import CHECKS, Check

_results: dict[tuple[str, str], bool] = {}  # check and home; absent: not run


def note(item: pytest.Item, report: pytest.TestReport) -> None:
    parameters = getattr(item, "callspec", None) and item.callspec.params  # type: ignore[attr-defined]  of parametrised items
    if not parameters or not isinstance(check := parameters.get("check"), Check) or "home" not in parameters:
        return
    key = (check.name, str(parameters["home"]))
    if report.when == "call" or report.failed:
        _results[key] = _results.get(key, True) and report.passed


def lines() -> list[str]:
    """The table; nothing where nothing ran."""
    homes = list(dict.fromkeys(home for _, home in _results))
    if not homes:
        return []
    rows = [["topic", "check", *homes], ["---"] * (2 + len(homes))]
    for check in CHECKS:
        cells = [_cell(_results.get((check.name, home))) for home in homes]
        if set(cells) != {"–"}:
            rows.append([check.topic, sentence(check), *cells])
    return [f"| {' | '.join(row)} |" for row in rows]


def sentence(check: Check) -> str:
    return check.name.replace("_", " ")


def _cell(result: bool | None) -> str:
    return "–" if result is None else "yes" if result else "**no**"
