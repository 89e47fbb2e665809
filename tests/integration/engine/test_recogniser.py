"""Lines read together: what a GPU is given says what the lines say one by one."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from docusnap.adapters.onnx.recogniser import HEIGHT, STRIDE, Batching, batches
from docusnap.adapters.onnx.session import Session
from numpy.typing import NDArray

from tests.support.engine import page
from tests.support.lettering import pixels
from tests.support.networks import lines_of, recogniser


@pytest.fixture(scope="module")
def lines() -> list[NDArray[Any]]:
    """The lines of two drawn pages, in no order."""
    return [line for name in ("form", "chinese") for line in lines_of(pixels(page(name)))]


@pytest.mark.parametrize("careful", [False, True], ids=["quick", "careful"])
def test_lines_say_the_same_one_by_one_and_in_batches(lines: list[NDArray[Any]], careful: bool) -> None:
    """Batches are what a GPU is given."""
    one_by_one = recogniser(careful).read(lines)
    batched = recogniser(careful, Batching(lines=8, width=8 * 960, stride=64), faster=False).read(lines)

    assert [reading.text for reading in batched] == [reading.text for reading in one_by_one]
    for line, alone, together in zip(lines, one_by_one, batched, strict=True):
        step = STRIDE * line.shape[0] / (HEIGHT * line.shape[1])
        places = [[character.position for character in reading.characters] for reading in (alone, together)]
        assert places[0] == pytest.approx(places[1], abs=1.01 * step)


def test_batches_hold_every_line_once_and_no_more_than_they_may() -> None:
    widths = [int(width) for width in np.random.default_rng(2).integers(32, 4800, 300)]

    found = list(batches(widths, Batching(lines=8, width=9600)))
    assert sorted(itertools.chain(*found)) == list(range(300))
    assert max(map(len, found)) == 8
    assert all(len(batch) * max(widths[index] for index in batch) <= 9600 for batch in found)


def test_a_line_wider_than_a_batch_is_read_by_itself() -> None:
    assert list(batches([4800, 5000], Batching(lines=8, width=1000))) == [[0], [1]]


def test_a_grey_line_says_what_it_says_in_three_channels(lines: list[NDArray[Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    channels: list[int] = []
    run = Session.run
    monkeypatch.setattr(Session, "run", lambda session, values: (channels.append(values.shape[1]), run(session, values))[1])
    network, grey = recogniser(), [np.ascontiguousarray(line[:, :, 0]) for line in lines]

    assert all((line == line[:, :, :1]).all() for line in lines)
    assert [reading.text for reading in network.read(grey)] == [reading.text for reading in network.read(lines)]
    assert channels == [1] * len(lines) + [3] * len(lines)


def test_grey_lines_and_others_may_be_read_together(lines: list[NDArray[Any]]) -> None:
    mixed = [line if index % 2 else np.ascontiguousarray(line[:, :, 0]) for index, line in enumerate(lines)]
    together = recogniser(batching=Batching(lines=8, width=8 * 960, stride=64), faster=False).read(mixed)

    assert [reading.text for reading in together] == [reading.text for reading in recogniser().read(lines)]


def test_what_has_been_warmed_loads_nothing_more() -> None:
    network = recogniser()
    network.warm()

    assert [session._loaded is not None for session in (network._session, network._grey) if session] == [True, True]
