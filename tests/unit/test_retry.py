"""Back-off grows, is spread, and ends."""

from __future__ import annotations

from datetime import timedelta

from docusnap.ocr import retry


def test_the_delay_after_a_failure_grows_and_is_bounded() -> None:
    delays = [retry.after_failure(failures).total_seconds() for failures in (1, 2, 3)]
    assert 4 <= delays[0] <= 6
    assert 16 <= delays[1] <= 24
    assert 64 <= delays[2] <= 96
    assert retry.after_failure(1_000) <= retry.LONGEST


def test_an_outage_of_ten_seconds_costs_a_document_seconds() -> None:
    waited = sum((retry.after_outage(attempt) for attempt in (1, 2, 3)), timedelta())
    assert timedelta(seconds=10) < waited < timedelta(seconds=20)


def test_delays_of_many_workers_do_not_fall_together() -> None:
    assert len({retry.after_failure(1) for _ in range(50)}) > 10
