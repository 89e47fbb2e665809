"""A zero, or the letter O."""

from __future__ import annotations

import pytest
from docusnap.adapters.onnx.recogniser import Character, Reading
from docusnap.adapters.onnx.zero import with_letters

DOUBTED, BELIEVED = 0.5, 0.95


def heard(text: str, confidence: float = DOUBTED) -> Reading:
    return Reading(tuple(Character(letter, confidence, place / len(text)) for place, letter in enumerate(text)))


@pytest.mark.parametrize("text", ["0konkwo", "Surname 0konkwo, Amara", "(0dessa)", "“0ver there”", "12 0xen"])
def test_a_zero_in_doubt_before_small_letters_is_an_o(text: str) -> None:
    assert with_letters(heard(text)).text == text.replace("0", "O")


@pytest.mark.parametrize(
    "text", ["0", "0xff", "0mm 0kg 0th", "0.5 l", "0kwh7", "v0kay", "a0bcd", "0KAY", "200items", "00items", "0-1 goals", "0点半开门"]
)
def test_a_zero_that_may_be_a_figure_stays_one(text: str) -> None:
    assert with_letters(heard(text)) == heard(text)


def test_a_zero_that_the_network_believes_stays_one() -> None:
    assert with_letters(heard("0items", BELIEVED)).text == "0items"


def test_the_letter_keeps_its_place_and_its_confidence() -> None:
    reading = heard("0konkwo")
    assert with_letters(reading).characters[0] == reading.characters[0]._replace(text="O")


def test_nothing_is_nothing() -> None:
    assert with_letters(Reading(())).text == ""
