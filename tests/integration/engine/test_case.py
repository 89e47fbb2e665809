"""Capital or small, where a letter stands alone."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from docusnap.adapters.onnx.case import recased
from docusnap.adapters.onnx.recogniser import Character, Reading
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tests.support.lettering import font, pixels

MARGIN = 8


def set_in(text: str, size: float = 30, colours: tuple[str, str] = ("white", "black")) -> tuple[NDArray[np.uint8], Reading]:
    """A line as it is printed, and its reading with every letter in its place."""
    face = font(size)
    left, top, right, bottom = face.getbbox(text)
    sheet = Image.new("RGB", (round(right - left) + 2 * MARGIN, round(bottom - top) + 2 * MARGIN), colours[0])
    ImageDraw.Draw(sheet).text((MARGIN - left, MARGIN - top), text, fill=colours[1], font=face)
    edges = [MARGIN - left + face.getlength(text[:end]) for end in range(len(text) + 1)]
    middles = [(before + after) / 2 / sheet.width for before, after in itertools.pairwise(edges)]
    return pixels(sheet), Reading(tuple(Character(letter, 0.99, place) for letter, place in zip(text, middles, strict=True)))


def misread(reading: Reading) -> Reading:
    """With capitals for small letters and the other way round."""
    return Reading(tuple(Character(c.text.swapcase(), c.confidence, c.position) for c in reading.characters))


@pytest.mark.parametrize("colours", [("white", "black"), ("black", "white")], ids=["dark on light", "light on dark"])
@pytest.mark.parametrize("size", [14, 30, 60])
@pytest.mark.parametrize("text", ["2 x 3.50", "2 X 3.50", "Type C paper", "both o and O", "12 V", "if v bends"])
def test_a_letter_that_stands_alone_is_as_high_as_it_is_printed(text: str, size: float, colours: tuple[str, str]) -> None:
    raster, reading = set_in(text, size, colours)
    words = text.split(" ")
    swapped = " ".join(word.swapcase() if len(word) == 1 else word for word in words)
    wrong = Reading(tuple(Character(letter, c.confidence, c.position) for letter, c in zip(swapped, reading.characters, strict=True)))
    assert recased(raster, wrong).text == text


def test_letters_within_words_and_those_of_one_shape_only_stay_as_they_were_read() -> None:
    raster, reading = set_in("Exact copies of 4 a")
    wrong = Reading(tuple(Character({"x": "X", "a": "A"}.get(c.text, c.text), c.confidence, c.position) for c in reading.characters))
    assert recased(raster, wrong).text == wrong.text


@pytest.mark.parametrize("text", ["x", "x o c"])
def test_without_anything_as_high_as_a_capital_the_reading_stands(text: str) -> None:
    raster, reading = set_in(text)
    assert recased(raster, misread(reading)) == misread(reading)


def test_no_letters_are_no_letters() -> None:
    raster, _ = set_in("x")
    assert recased(raster, Reading(())).text == ""
