"""The sums of benchmarks/ledger: a wrong one would flatter or slander."""

from __future__ import annotations

import math
import random
from itertools import islice

import pytest
from docusnap.search import parse

from benchmarks.ledger.figures import percentile
from benchmarks.ledger.filled import LINES, Size
from benchmarks.ledger.operations import Operations
from benchmarks.ledger.report import report
from benchmarks.ledger.searches import HARD, QUERIES
from benchmarks.ledger.statuses import Reads
from benchmarks.ledger.uploads import Batch
from benchmarks.ledger.verdicts import Measured, verdicts
from benchmarks.ledger.words import COMMON, lines, vocabulary


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.95, 95), (0.991, 100), (1.0, 100), (0.0, 1)])
def test_a_percentile_is_a_value_that_was_measured(share: float, value: int) -> None:
    assert percentile(random.Random(1).sample(range(1, 101), 100), share) == value


def test_of_nothing_there_is_no_percentile() -> None:
    assert math.isnan(percentile([], 0.5))


def batch(queued: float, succeeded: float, *, of: int = 10, lost: int = 0, extra: int = 0) -> Batch:
    return Batch(of, [queued] * of, [succeeded] * (of - lost), extra, 2.0, 1.0)


def operations(seconds: float, cpu: float) -> Operations:
    found = Operations(cpu=(cpu / 2, cpu / 2))
    found.took["claim"] = [seconds] * 3
    return found


def told(measured: Measured) -> dict[str, bool]:
    return {str(verdict): verdict.reached for verdict in verdicts(measured)}


def test_a_run_within_every_aim_reaches_all_of_them() -> None:
    took = {("letters", "a word"): [0.05]}
    measured = Measured(
        Size(1000, 10), batch(0.01, 0.09), batch(0.2, 9.0), {"worker": 0.1}, Reads(1600, [0.01], {"gateway": 1e-3}, 1700),
        operations(0.002, 0.01), operations(0.003, 0.014), took, took,
    )  # fmt: skip
    assert all(told(measured).values())
    assert len(told(measured)) == 10
    assert "not reached" not in "\n".join(report(measured, ["# head"]))


@pytest.mark.parametrize(
    "measured",
    [
        Measured(Size(1, 0), burst=batch(0.1, 1.0, lost=1)),
        Measured(Size(1, 0), burst=batch(0.1, 1.0, extra=1)),
        Measured(Size(1, 0), burst=batch(0.3, 1.0)),
        Measured(Size(1, 0), idle=batch(0.1, 0.2)),
        Measured(Size(1, 0), empty=operations(0.001, 0.01), full=operations(0.0021, 0.01)),
        Measured(Size(1, 0), empty=operations(0.001, 0.016), full=operations(0.001, 0.01)),
        Measured(Size(1, 0), reads=Reads(1499, [0.01], {}, 1000)),
        Measured(Size(1, 0), reads=Reads(1500, [0.01], {}, 1900)),
        Measured(Size(1, 0), usual={("letters", "a"): [0.11]}, hard={}),
        Measured(Size(1, 0), usual={("letters", "a"): [0.01]}, hard={("letters", "b"): [0.2]}),
    ],
)
def test_each_aim_can_be_missed_by_itself(measured: Measured) -> None:
    assert list(told(measured).values()).count(False) == 1


def test_a_long_page_counts_by_its_lines() -> None:
    assert Size(1000, 10).lines == 1000 + 10 * LINES


def test_the_words_asked_for_stand_on_the_pages_or_are_meant_not_to() -> None:
    text = "\n".join(islice(lines(random.Random(6), vocabulary()), 40_000))
    for kind, query in {**QUERIES, **HARD}.items():
        words = [unit for clause in parse(query).clauses for unit in clause[0] if unit not in {"zzzz", "no500"}]
        assert all(word in text for word in words), kind
    assert all(f" {word} " in text for word in COMMON)
    assert "zzzz" not in text
