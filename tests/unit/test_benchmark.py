"""The benchmark's own sums: a wrong one would flatter or slander."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.engine.__main__ import PARTS, mean, parts
from benchmarks.engine.distance import cer, distance
from benchmarks.engine.pages import Page, language
from benchmarks.engine.reliability import Judged, curve, judged, upright
from benchmarks.engine.report import report
from benchmarks.engine.runs import Run, together
from benchmarks.engine.verdicts import Measured, Memory, verdicts
from benchmarks.pages.sheet import Printed


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [
        ("", "", 0),
        ("", "ab", 2),
        ("ab", "", 2),
        ("kitten", "sitting", 3),
        ("ab", "ba", 2),
        ("页页", "页面页", 1),
        ("a" * 200, "b" + "a" * 199, 1),
    ],
)
def test_the_distance_counts_edits(one: str, other: str, edits: int) -> None:
    assert distance(one, other) == edits


def test_neither_white_space_nor_width_is_an_error_and_order_is() -> None:
    assert cer("Ａ b\nc", "AB c".replace("B", "b")) == 0
    assert cer("left right", "right left") > 0.5


def printed(text: str, left: float, top: float, right: float, bottom: float) -> Printed:
    return Printed(text, ((left, top), (right, top), (right, bottom), (left, bottom)), 0)


def told(text: str, left: float, top: float, right: float, bottom: float, *, rotation: int = 0) -> dict[str, Any]:
    polygon = [[left, top], [right, top], [right, bottom], [left, bottom]]
    return {"rotation": rotation, "lines": [{"text": text, "confidence": 0.9, "polygon": polygon}]}


ROW = [printed("Name of", 10, 10, 90, 20), printed("boat", 110, 10, 150, 20), printed("Length", 10, 30, 90, 40)]


@pytest.mark.parametrize(
    ("line", "right"),
    [
        (told("Name of boat", 8, 8, 152, 22), True),  # two printed pieces in one
        (told("of", 60, 8, 92, 22), True),  # part of one
        (told("Name of", 8, 28, 92, 42), False),  # what is printed elsewhere
        (told("Narne of", 8, 8, 92, 22), False),
        (told("boat", 8, 60, 92, 72), False),  # where nothing is printed
    ],
)
def test_a_line_is_right_when_it_is_printed_where_it_lies(line: dict[str, Any], right: bool) -> None:
    assert [one.right for one in judged(ROW, line, (200, 100))] == [right]


def test_a_line_of_a_turned_page_is_sought_where_it_is_once_upright() -> None:
    lying = [printed("boat", 10, 50, 20, 90)]  # on a sheet of 200 × 100, to be turned by a quarter

    assert upright((10, 50), 90, (200, 100)) == (50, 10)
    assert [one.right for one in judged(lying, told("boat", 8, 8, 52, 22, rotation=90), (200, 100))] == [True]


def test_the_curve_counts_each_line_once() -> None:
    bins = curve([Judged(0.0, False), Judged(0.95, True), Judged(0.979, False), Judged(1.0, True)])

    assert [(one.low, one.lines, one.right) for one in bins if one.lines] == [(0.0, 1, 0), (0.95, 2, 1), (0.99, 1, 1)]


def test_the_language_is_what_is_seen_and_not_how_the_page_lies() -> None:
    assert language("Name 12") == "en"
    assert language("共12册 No. 3") == "zh"
    assert language("石桥镇北", [printed("石桥镇北", 10, 10, 20, 50)]) == "zh-vertical"
    turned = Printed("石桥镇北", ((20, 10), (20, 50), (10, 50), (10, 10)), 0)
    assert language("石桥镇北", [turned]) == "zh"


@pytest.mark.parametrize("count", range(1, 10))
def test_the_parts_of_a_peers_pages_are_all_of_them_and_none_is_empty(count: int) -> None:
    found = list(parts([Page(str(number), Path(), "") for number in range(count)]))

    assert [page.name for part in found for page in part] == [str(number) for number in range(count)]
    assert len(found) == min(PARTS, count)
    assert all(found)


def run(engine: str, seconds: float, *errors: float, networks: dict[str, Any] | None = None) -> Run:
    each = seconds / len(errors)
    pages = [{"began": n * each, "ended": (n + 1) * each, "rss": 500.0, "failed": ""} for n in range(len(errors))]
    return Run(engine, 0, pages, errors, seconds, seconds, networks)


def test_every_aim_is_judged_by_what_was_measured() -> None:
    ours = run("docusnap", 10, 0.01, 0.02)
    beside = run("docusnap", 12, 0.01, 0.02, networks={"seconds": 9.6, "cpu": 9.0, "at_once": 1, "runs": {"det": 2}})
    measured = Measured(
        ["one", "two"],
        [ours, run("rapidocr", 70, 0.03, 0.012), run("tesseract", 12, 0.2, 0.3)],
        {"docusnap": 1.4},
        Memory(950, {50: 800, 500: 810}),
        [Judged(0.99, right=True)] * 99 + [Judged(0.96, right=False)],
        beside,
        {"rapidocr": [9.0, 10.0, 16.0], "tesseract": [10.0]},
    )

    assert [(one.reached, one.measured) for one in verdicts(measured)] == [
        (True, "6.00 ×"),
        (False, "1.20 ×"),
        (True, "0.0150 against 0.0210 of rapidocr"),
        (False, "two by 0.0080"),
        (True, "1.25 × (12.0 s against 9.6 s)"),
        (True, "1.40 s"),
        (False, "950 MB"),
        (True, "+1.2% (800 MB after 50, 810 MB after 500)"),
        (True, "99.00% of 100"),
    ]
    said = list(report(measured, []))
    assert "| rapidocr | 70.0 | 6.00 | 0.0210 | 0.030 | 1 of 2 | 500 | – | 70.0 |" in said
    assert "\ndocusnap before, between and after the parts of rapidocr: 9.0, 10.0, 16.0 s." in said


def test_our_row_has_the_seconds_of_all_our_runs_in_the_mean() -> None:
    assert mean([run("docusnap", 10, 0.01), run("docusnap", 14, 0.02)]) == replace(run("docusnap", 10, 0.01), seconds=12, cpu=12)


def test_the_networks_of_all_parts_are_counted_together() -> None:
    parts = [
        {"seconds": 1.0, "cpu": 2.0, "at_once": 3, "runs": {"det": 1}},
        {"seconds": 2.0, "cpu": 2.5, "at_once": 2, "runs": {"det": 2, "rec": 9}},
    ]

    assert together(parts) == {"seconds": 3.0, "cpu": 4.5, "at_once": 3, "runs": {"det": 3, "rec": 9}}
    assert together([]) is None


def test_what_was_not_measured_is_not_judged() -> None:
    assert not list(verdicts(Measured(["one"], [run("docusnap", 1, 0.1)], {}, None, [])))
