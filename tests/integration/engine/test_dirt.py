"""Accents that belong to the line above."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from docusnap.adapters.onnx.dirt import without_dirt
from docusnap.adapters.onnx.recogniser import Character, Reading
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tests.support.lettering import font, pixels

HEIGHT = 60
SIZE = 44


def line_with(letter: str, *strokes: tuple[int, int]) -> NDArray[np.uint8]:
    """A letter between two others, and over it strokes from one row to another."""
    sheet = Image.new("RGB", (160, HEIGHT), "white")
    draw = ImageDraw.Draw(sheet)
    for number, text in enumerate(("H", letter, "H")):
        draw.text((30 + 50 * number, HEIGHT - 4), text, fill="black", font=font(SIZE), anchor="ms")
    for number, (top, bottom) in enumerate(strokes):
        draw.rectangle((74 + 8 * number, top, 77 + 8 * number, bottom), fill="black")
    return pixels(sheet)


def read(letter: str, confidence: float = 0.5) -> Reading:
    return Reading(tuple(Character(text, confidence, (30 + 50 * number) / 160) for number, text in enumerate(("H", letter, "H"))))


@pytest.mark.parametrize(
    ("letter", "read_as", "kept"), [("A", "Á", "A"), ("A", "Å", "A"), ("o", "ö", "o"), ("u", "ǘ", "u"), ("C", "Č", "C")]
)
def test_ink_that_the_upper_edge_cuts_off_is_no_accent(letter: str, read_as: str, kept: str) -> None:
    assert without_dirt(line_with(letter, (0, 6)), read(read_as)).text == f"H{kept}H"


@pytest.mark.parametrize("strokes", [((3, 9),), ((3, 9), (3, 9))], ids=["acute", "diaeresis"])
@pytest.mark.parametrize("read_as", ["Á", "Ä"])
def test_an_accent_inside_the_raster_stays(strokes: Any, read_as: str) -> None:
    assert without_dirt(line_with("A", *strokes), read(read_as)).text == f"H{read_as}H"


def test_an_accent_with_dirt_beside_it_stays() -> None:
    assert without_dirt(line_with("A", (3, 9), (0, 5)), read("Á")).text == "HÁH"


@pytest.mark.parametrize("read_as", ["Ç", "ł", "ø", "й", "字", "A"])
def test_letters_with_nothing_above_them_stay_whatever_the_edge_cuts_off(read_as: str) -> None:
    assert without_dirt(line_with("C", (0, 6)), read(read_as)).text == f"H{read_as}H"


@pytest.mark.parametrize(("letter", "strokes", "confidence"), [("Ü", ((0, 3), (0, 3)), 0.5), ("Á", ((0, 6),), 0.95)])
def test_a_real_accent_that_the_edge_cuts_off_stays(letter: str, strokes: Any, confidence: float) -> None:
    assert without_dirt(line_with("A", *strokes), read(letter, confidence)).text == f"H{letter}H"


def test_an_accent_that_shows_no_ink_stays() -> None:
    assert without_dirt(line_with("A"), read("Á")).text == "HÁH"
