"""Quotation marks, straight or curly as they are printed."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from docusnap.adapters.onnx.quotes import as_printed
from docusnap.adapters.onnx.recogniser import Character, Reading
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tests.support.lettering import font, pixels

MARGIN = 8
STRAIGHT = str.maketrans("‘’“”", "''\"\"")
CURLY_LINES = ["It isn’t Tom’s boat", "the ‘small’ boat", "He said “Only now” there", "we’re “at ‘one’ with it”"]
STRAIGHT_LINES = ["It isn't Tom's boat", "the 'small' boat", 'He said "Only now" there', "a door of 5' 6\" by 12' 3\""]


def set_in(text: str, size: float, slant: float = 0.0) -> tuple[NDArray[np.uint8], list[float]]:
    """A line as it is printed, and where the middles of its characters are, 0 to 1. `slant`: columns for a row."""
    face = font(size)
    left, top, right, bottom = face.getbbox(text)
    height = round(bottom - top) + 2 * MARGIN
    sheet = Image.new("RGB", (round(right - left + slant * height) + 2 * MARGIN, height), "white")
    ImageDraw.Draw(sheet).text((MARGIN - left, MARGIN - top), text, fill="black", font=face)
    lean = np.array([[1, -slant, slant * height], [0, 1, 0]], np.float32)
    raster = cv2.warpAffine(pixels(sheet), lean, (sheet.width, height), borderValue=(255, 255, 255))
    edges = [MARGIN - left + face.getlength(text[:end]) + slant * height / 2 for end in range(len(text) + 1)]
    return raster.astype(np.uint8), [(before + after) / 2 / sheet.width for before, after in itertools.pairwise(edges)]


def read_as(text: str, places: list[float]) -> Reading:
    return Reading(tuple(Character(letter, 0.99, place) for letter, place in zip(text, places, strict=True)))


def blurred(raster: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return cv2.GaussianBlur(raster, (0, 0), 1.0).astype(np.uint8)


def bilevel(raster: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.where(raster > 127, 255, 0).astype(np.uint8)


def inverse(raster: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return 255 - raster


@pytest.mark.parametrize("printed", [np.asarray, blurred, bilevel, inverse], ids=["sharp", "blurred", "bilevel", "light on dark"])
@pytest.mark.parametrize("size", [36, 48, 60])
@pytest.mark.parametrize("text", CURLY_LINES)
def test_marks_that_are_printed_curly_are_written_curly(text: str, size: float, printed) -> None:  # type: ignore[no-untyped-def]
    raster, places = set_in(text, size)
    assert as_printed(printed(raster), read_as(text.translate(STRAIGHT), places)).text == text


@pytest.mark.parametrize("printed", [np.asarray, blurred, bilevel, inverse], ids=["sharp", "blurred", "bilevel", "light on dark"])
@pytest.mark.parametrize("slant", [0.0, 0.2], ids=["upright", "italic"])
@pytest.mark.parametrize("size", [20, 28, 36, 48, 60])
@pytest.mark.parametrize("text", STRAIGHT_LINES)
def test_marks_that_are_printed_straight_stay_straight(text: str, size: float, slant: float, printed) -> None:  # type: ignore[no-untyped-def]
    raster, places = set_in(text, size, slant)
    assert as_printed(printed(raster), read_as(text, places)).text == text


def test_italic_marks_that_are_printed_curly_are_written_curly() -> None:
    raster, places = set_in("the ‘small’ boats’ “red” sails", 48, slant=0.2)
    assert as_printed(raster, read_as("the 'small' boats' \"red\" sails", places)).text == "the ‘small’ boats’ “red” sails"


def test_a_mark_read_the_wrong_way_round_is_turned() -> None:
    raster, places = set_in("He said “Only now” there", 40)
    assert as_printed(raster, read_as("He said ”Only now“ there", places)).text == "He said “Only now” there"


@pytest.mark.parametrize("printed", [np.asarray, blurred, bilevel], ids=["sharp", "blurred", "bilevel"])
@pytest.mark.parametrize("text", ["the ‘small’ boat", "‘small’ boats"])
def test_a_six_that_was_not_read_is_set_before_its_word(text: str, printed) -> None:  # type: ignore[no-untyped-def]
    raster, places = set_in(text, 40)
    overlooked = text.index("‘")
    read = read_as(text.replace("‘", ""), [*places[:overlooked], *places[overlooked + 1 :]])
    shaped = as_printed(printed(raster), read)
    assert shaped.text == text
    assert [c.position for c in shaped.characters] == sorted(c.position for c in shaped.characters)


@pytest.mark.parametrize("text", ["the 'small' boat", "the ’small’ boat", "the ·small’ boat"])
def test_ink_that_is_no_six_is_set_before_no_word(text: str) -> None:
    raster, places = set_in(text, 40)
    first = text.index("small") - 1
    read = read_as(text[:first] + text[first + 1 :], [*places[:first], *places[first + 1 :]])
    assert as_printed(raster, read).text == read.text


@pytest.mark.parametrize("text", ["It isn't Tom's", "“Only now” there", "the ‘small’ boat"])
def test_marks_too_small_to_be_told_stay_as_they_were_read(text: str) -> None:
    raster, places = set_in("It isn’t Tom’s" if "isn" in text else text, 14)
    assert as_printed(raster, read_as(text, places)).text == text


def test_a_mark_that_the_ink_does_not_show_stays_as_it_was_read() -> None:
    raster, places = set_in("It is n t his", 40)
    assert as_printed(raster, read_as("It is'n't his", places)).text == "It is'n't his"


def test_marks_among_ideographs_stay_as_they_were_read() -> None:
    raster, places = set_in("a “word”", 40)
    assert as_printed(raster, read_as('字 "word"', places)).text == '字 "word"'


def test_no_characters_are_no_marks() -> None:
    raster, _ = set_in("x", 40)
    assert as_printed(raster, Reading(())).text == ""
