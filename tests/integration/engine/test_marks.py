"""Marks of vertical lines that the networks overlook."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
import pytest
from docusnap.adapters.onnx.marks import Raster, gaps, restaged, with_marks
from docusnap.adapters.onnx.recogniser import Character, Reading
from numpy.typing import NDArray

from tests.support.engine import page
from tests.support.lettering import pixels
from tests.support.networks import recogniser

SIDE = 40  # pixels of a square
BLOCKS = "一二三四五六"


def line(*squares: NDArray[Any] | None) -> Raster:
    """A vertical line that was turned counter-clockwise; None is a character's square."""
    block = blank()
    block[6:34, 6:34] = 0
    return np.hstack([block if square is None else square for square in squares])


def blank() -> NDArray[Any]:
    return np.full((SIDE, SIDE, 3), 255, np.uint8)


def stop() -> NDArray[Any]:
    """An ideographic full stop as a vertical line has it, in the upper right corner, on its side: in the upper left one."""
    square = blank()
    cv2.circle(square, (11, 11), 5, (0, 0, 0), 1, cv2.LINE_AA)
    return square


def bracket() -> NDArray[Any]:
    """A flat one that closes, ︶, on its side."""
    square = blank()
    cv2.ellipse(square, (2, SIDE // 2), (9, 17), 0, -90, 90, (0, 0, 0), 2, cv2.LINE_AA)
    return square


def read_as(count: int, *, length: int, missing: Sequence[int] = ()) -> Reading:
    """So many squares, of which some gave nothing."""
    squares = [index for index in range(count) if index not in missing]
    return Reading(
        tuple(Character(BLOCKS[index % len(BLOCKS)], 0.99, (index + 0.5) * SIDE / length) for index in squares),
    )


def test_a_square_with_ink_that_gave_nothing_is_a_gap() -> None:
    raster = line(None, None, stop(), None, None, stop())
    found = list(gaps(raster, read_as(6, length=raster.shape[1], missing=[2, 5])))
    assert [gap.after for gap in found] == [2, 4]
    assert [round(gap.centre / SIDE, 1) for gap in found] == [2.5, 5.5]


def test_white_is_no_gap_and_neither_is_dirt() -> None:
    speck = blank()
    speck[20, 20] = 0
    raster = line(None, None, blank(), None, speck, None)
    assert list(gaps(raster, read_as(6, length=raster.shape[1], missing=[2, 4]))) == []


def test_three_characters_do_not_tell_how_far_apart_they_are() -> None:
    raster = line(None, None, stop(), None)
    assert list(gaps(raster, read_as(4, length=raster.shape[1], missing=[2]))) == []


def test_characters_that_are_said_to_stand_in_one_place_have_no_gaps() -> None:
    raster = line(None, None, stop(), None)
    assert list(gaps(raster, Reading(tuple(Character(letter, 0.99, 0.2) for letter in BLOCKS)))) == []


@pytest.mark.parametrize(("mark", "shown"), [(stop, "low and left"), (bracket, "as high as the line")])
def test_a_mark_is_set_as_a_horizontal_line_has_it(mark: Callable[[], NDArray[Any]], shown: str) -> None:
    raster = line(None, None, mark(), None, None)
    (gap,) = gaps(raster, read_as(5, length=raster.shape[1], missing=[2]))
    staged = restaged(raster, read_as(5, length=raster.shape[1], missing=[2]), gap)
    middle = staged[:, staged.shape[1] // 3 : 2 * staged.shape[1] // 3, 0]
    rows, columns = (np.flatnonzero((middle < 128).any(axis=axis)) for axis in (1, 0))
    if shown == "low and left":
        assert rows[0] > middle.shape[0] / 2
        assert columns[-1] < middle.shape[1] / 2
    else:
        assert np.ptp(rows) > 1.5 * np.ptp(columns)


def parted() -> NDArray[Any]:
    """A square that is blank but for the last stroke of the character before it, as 三 has one."""
    square = blank()
    square[8:32, 0:2] = 0
    return square


def spanning() -> NDArray[Any]:
    """Two strokes from edge to edge of the line, as 八 has them in a tight rectangle."""
    square = blank()
    square[0:7, 8:30] = square[33:40, 8:30] = 0
    return square


@pytest.mark.parametrize("square", [parted, spanning])
def test_what_is_no_mark_costs_no_page(square: Callable[[], NDArray[Any]]) -> None:
    before = blank()
    before[6:34, 6:20] = 0  # it ends early, so that the stroke stands apart
    raster = line(None, before, square(), None, None)
    reading = read_as(5, length=raster.shape[1], missing=[2])
    assert with_marks([(raster, reading)], lambda rasters: [said("") for _ in rasters])[0].text == reading.text


def test_only_marks_are_put_in() -> None:
    raster = line(None, None, stop(), None, None)
    reading = read_as(5, length=raster.shape[1], missing=[2])
    put = {text: with_marks([(raster, reading)], lambda _, text=text: [said(text)])[0].text for text in ("一。三", "一二三", "一x三", "")}
    assert put == {"一。三": "一二。四五", "一二三": "一二四五", "一x三": "一二四五", "": "一二四五"}


def said(text: str) -> Reading:
    return Reading(tuple(Character(letter, 0.9, (index + 0.5) / len(text)) for index, letter in enumerate(text)))


def test_a_line_without_gaps_is_read_by_nobody_again() -> None:
    raster = line(None, None, None, None)
    reading = read_as(4, length=raster.shape[1])

    def nobody(_: Sequence[Raster]) -> Sequence[Reading]:
        raise AssertionError

    assert with_marks([(raster, reading)], nobody) == [reading]


def test_the_network_reads_a_full_stop_between_its_neighbours() -> None:
    """A column of the drawn page, parted by a full stop after its fourth character."""
    column = turned_column()
    side = column.shape[0]
    careful = recogniser(careful=True)
    (reading,) = careful.read([column])
    cut = round((reading.characters[3].position + reading.characters[4].position) / 2 * column.shape[1])
    mark = cv2.resize(stop(), (side, side), interpolation=cv2.INTER_AREA)
    parted = np.hstack([column[:, :cut], mark, column[:, cut:]])
    without = Reading(
        tuple(
            Character(c.text, c.confidence, (c.position * column.shape[1] + side * (index > 3)) / parted.shape[1])
            for index, c in enumerate(reading.characters)
        )
    )
    (marked,) = with_marks([(parted, without)], careful.read)
    assert marked.text == f"{reading.text[:4]}。{reading.text[4:]}"


def turned_column() -> Raster:
    """The first column of the vertical page, on its side."""
    sheet = pixels(page("vertical"))
    inked = np.flatnonzero((sheet[:, :, 0] < 128).any(axis=0))
    right = inked[-1] + 1
    left = next(x for x in range(right - 1, 0, -1) if not (sheet[:, x, 0] < 128).any()) + 1
    rows = np.flatnonzero((sheet[:, left:right, 0] < 128).any(axis=1))
    return np.ascontiguousarray(np.rot90(sheet[rows[0] - 3 : rows[-1] + 4, left - 3 : right + 3]))
