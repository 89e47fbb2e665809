"""The benchmark's program for our engine: it reads in parts, and runs its networks alone between them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from docusnap.adapters import models

from benchmarks.engine.pages import Page
from benchmarks.engine.runs import Engine, Reading
from tests.support.engine import page

OURS = Engine("docusnap", sys.executable)


@pytest.fixture
def asked(tmp_path: Path) -> Page:
    page("form").save(tmp_path / "form.png")
    return Page("form", tmp_path / "form.png", "")


def test_after_each_part_its_networks_run_as_often_as_they_were_asked(asked: Page, tmp_path: Path) -> None:
    runs = []
    for parts in ([asked], [asked]), ([asked, asked],):
        with Reading(OURS, tmp_path, "--networks") as reading:
            for part in parts:
                reading.read(part)
                reading.networks()
            runs.append(reading.end())

    in_two, in_one = runs
    assert in_two.networks is not None
    assert in_one.networks is not None
    assert in_two.networks["runs"] == in_one.networks["runs"]
    assert in_two.networks["runs"][Path(models.QUICK_RECOGNISER.name).stem] > 0
    assert [told["text"] for told in in_two.told] == [told["text"] for told in in_one.told] != ["", ""]


def test_an_engine_that_ends_instead_of_answering_is_told_with_its_complaint(tmp_path: Path) -> None:
    nobody = Page("nobody", tmp_path / "no-such-page.png", "")
    with pytest.raises(RuntimeError, match="no-such-page"), Reading(OURS, tmp_path, "--networks") as reading:
        reading.read([nobody])
