"""What is seen of a page before any network runs: where its ink is, how large its letters are, and whether it is paper."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from docusnap.adapters.onnx.survey import Ink, Survey, survey
from numpy.typing import NDArray
from PIL import Image, ImageOps

from tests.support.lettering import STAFF, grey, inked, lettered, pixels, small_letter

RANDOM = np.random.default_rng(7)


def holds(seen: Survey, box: tuple[int, int, int, int]) -> bool:
    """But for a row of pixels, which half the resolution blurs; the detector keeps a margin many times as wide."""
    left, top, right, bottom = box
    return seen.left <= left + 1 and seen.top <= top + 1 and seen.right >= right - 1 and seen.bottom >= bottom - 1


@pytest.mark.parametrize("size", [10, 12, 16, 24, 32, 48])
def test_the_height_of_a_small_letter_is_measured(size: int) -> None:
    assert survey(pixels(lettered(*STAFF, size=size))).letter == pytest.approx(small_letter(size), rel=0.05, abs=1)


@pytest.mark.parametrize("factor", [1.5, 2, 3])
def test_letters_are_measured_in_the_pixels_of_the_page(factor: float) -> None:
    """From two on the survey looks at half the resolution."""
    scaled = ImageOps.scale(lettered(*STAFF), factor, Image.Resampling.LANCZOS)

    assert survey(pixels(scaled)).letter == pytest.approx(factor * small_letter(24), rel=0.05)


def test_capitals_and_full_stops_do_not_change_the_measure() -> None:
    shouted = lettered(*STAFF, *(line.upper() for line in STAFF[:1]), ". . . , , , ; ; ; . . .")

    assert survey(pixels(shouted)).letter == pytest.approx(small_letter(24), rel=0.1)


def test_light_text_on_a_dark_ground_is_seen_the_same_way() -> None:
    sheet = lettered(*STAFF)

    assert survey(pixels(ImageOps.invert(sheet))) == survey(pixels(sheet))


def test_too_few_letters_tell_no_size() -> None:
    seen = survey(pixels(lettered("p. 12")))

    assert seen.letter == 0
    assert not seen.empty


@pytest.mark.parametrize("brightness", [0, 110, 255])
@pytest.mark.parametrize("shape", [(1, 1), (2, 40000), (40000, 2), (1000, 1200), (2001, 1999)])
def test_an_even_picture_is_empty_whatever_its_shape(brightness: int, shape: tuple[int, int]) -> None:
    seen = survey(grey(np.full(shape, brightness)))

    assert seen.empty
    assert seen.letter == 0


def test_one_dot_is_all_there_is() -> None:
    sheet = np.full((1000, 1200), 255)
    sheet[500, 600] = 0

    assert survey(grey(sheet)) == Survey(600, 500, 601, 501, 0.0, paper=True, ink=Ink(np.empty((0, 0), np.uint8), 1))


def test_a_page_of_noise_is_ink_from_edge_to_edge() -> None:
    seen = survey(grey(RANDOM.integers(0, 256, (1000, 1200))))

    assert (seen.left, seen.top, seen.right, seen.bottom) == (0, 0, 1200, 1000)


@pytest.mark.parametrize("size", [12, 24, 120])
@pytest.mark.parametrize("paper", [(1600, 1200), (2400, 1801)])
def test_faint_text_is_not_cut_away(size: int, paper: tuple[int, int]) -> None:
    faint = lettered("Paid", size=size, paper=paper, at=(paper[0] // 2, paper[1] // 2), ink=235)

    assert holds(survey(pixels(faint)), inked(faint))


def test_faint_text_beside_dark_text_is_not_cut_away() -> None:
    sheet = lettered(*STAFF)
    sheet.paste(lettered("Page 12", size=18, paper=(400, 60), at=(5, 5), ink=235), (1150, 1120))

    seen = survey(pixels(sheet))
    assert seen.bottom >= 1140
    assert seen.right >= 1200


@pytest.mark.parametrize("corner", list(itertools.product([0, 1180], [0, 1580])))
def test_what_stands_in_a_corner_is_on_the_page(corner: tuple[int, int]) -> None:
    sheet = np.full((1200, 1600), 255)
    top, left = corner
    sheet[top : top + 20, left : left + 20] = 0

    seen = survey(grey(sheet))
    assert holds(seen, (left, top, left + 20, top + 20))
    assert seen.inked(grey(sheet), 500).shape[0] <= 20 + 40 + 500


def test_the_inked_part_keeps_a_margin_and_stays_on_the_page() -> None:
    sheet = pixels(lettered(*STAFF))
    seen = survey(sheet)

    assert seen.inked(sheet, 10).shape == (seen.bottom - seen.top + 20, seen.right - seen.left + 20, 3)
    assert seen.inked(sheet, 5000).shape == sheet.shape


@pytest.mark.parametrize("ground", [255, 190, 130])
def test_text_on_an_even_ground_is_paper(ground: int) -> None:
    soiled = np.minimum(pixels(lettered(*STAFF))[:, :, 0], ground) + RANDOM.normal(0, 6, (1200, 1600))

    assert survey(grey(soiled)).paper


def test_a_dark_page_is_paper_too() -> None:
    assert survey(pixels(ImageOps.invert(lettered(*STAFF)))).paper


@pytest.mark.parametrize(
    "brightness",
    [
        np.add.outer(np.linspace(0, 128, 1000), np.linspace(0, 127, 1200)),
        np.tile(np.linspace(10, 245, 1200), (1000, 1)),
        np.kron(RANDOM.integers(0, 256, (10, 12)), np.ones((100, 100))),
    ],
    ids=["a slope", "a sunset", "patches"],
)
def test_a_photograph_is_no_paper(brightness: NDArray[Any]) -> None:
    assert not survey(grey(brightness)).paper


def test_a_picture_too_small_for_a_scan_is_no_paper() -> None:
    assert not survey(pixels(lettered(*STAFF, paper=(700, 500)))).paper


@pytest.mark.parametrize("width", [1, 6, 9])
def test_a_page_narrower_than_its_letters_are_high(width: int) -> None:
    sheet = np.full((2000, width), 255)
    for top in range(100, 1900, 200):
        sheet[top : top + 174, width // 3 : width // 3 + 2] = 0

    assert survey(grey(sheet)).right <= width
