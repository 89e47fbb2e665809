"""The raster on which lines are looked for fits the type and no more, and what is found there stands where it does on the page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from docusnap.adapters import models
from docusnap.adapters.onnx.detector import LETTER, MAX_AREA, STRIDE, Detector, Quad, clockwise, fitting
from docusnap.adapters.onnx.survey import survey
from PIL import Image, ImageOps

from tests.support.engine import page
from tests.support.lettering import STAFF, inked, lettered, pixels, small_letter
from tests.support.networks import session

Size = tuple[int, int]


@pytest.fixture(scope="module")
def detector() -> Detector:
    """The real networks."""
    careful, quick = map(session, (models.DETECTOR, models.QUICK_DETECTOR))
    return Detector(careful, quick)


def raster(picture: Image.Image) -> Size:
    """Height and width of what the network is given."""
    sheet = pixels(picture)
    height, width = fitting(sheet, survey(sheet))[0].shape[:2]
    return height, width


def found(detector: Detector, picture: Image.Image) -> list[Quad]:
    """From the top down."""
    sheet = pixels(picture)
    return sorted(detector.detect(sheet, survey(sheet)), key=lambda quad: float(quad[0][1]))


def frame(quads: Sequence[Quad]) -> list[float]:
    """Left, top, right, bottom of all of them."""
    corners = np.concatenate(quads)
    return [*corners.min(axis=0).tolist(), *corners.max(axis=0).tolist()]


def test_the_raster_shows_small_letters_at_one_size_whatever_their_size_on_the_page() -> None:
    sizes = [raster(lettered(*STAFF, size=size, paper=(3000, 2000))) for size in (16, 24, 48, 96)]

    # The margin around the ink is the same on every raster, and so is the text but for what the stride rounds.
    assert max(height for height, _ in sizes) - min(height for height, _ in sizes) <= 2 * STRIDE
    assert max(width for _, width in sizes) - min(width for _, width in sizes) <= 3 * STRIDE


def test_larger_type_on_the_same_paper_takes_a_smaller_raster() -> None:
    areas = [np.prod(raster(lettered(*["reads " * (380 // size)] * (500 // size), size=size))) for size in (12, 24, 48)]

    assert areas == sorted(areas, reverse=True)


def test_small_type_is_enlarged_no_more_than_twofold() -> None:
    sheet = pixels(lettered(*STAFF, size=7))

    _, _, scale = fitting(sheet, survey(sheet))
    assert 0.45 < scale.min() <= scale.max() < 1


@pytest.mark.parametrize(
    "sheet",
    [
        lettered(*STAFF, paper=(4961, 7016)),
        page("two-columns").resize((4961, 7016)),
        Image.effect_noise((20000, 200), 90).convert("RGB"),
        Image.effect_noise((150, 9000), 90).convert("RGB"),
        lettered("A"),
        lettered(".", paper=(40, 30), at=(10, 2)),
    ],
    ids=["a few lines on A2", "A2 full of text", "a strip", "a receipt", "a letter", "a dot"],
)
def test_the_raster_fits_the_network_and_is_bounded(sheet: Image.Image) -> None:
    height, width = raster(sheet)

    assert height % STRIDE == width % STRIDE == 0
    assert height * width <= MAX_AREA * 1.05


def test_a_long_strip_keeps_its_letters_legible() -> None:
    """The bound is on the area, not on the longest side."""
    strip = lettered("The keeper reads the brass staff. " * 20, size=32, paper=(10000, 200))
    sheet = pixels(strip)

    _, _, scale = fitting(sheet, survey(sheet))
    assert small_letter(32) / scale[1] > 0.75 * LETTER


@pytest.mark.parametrize("at", [(60, 60), (1900, 1400), (1, 1890)])
def test_lines_are_found_where_they_stand_on_the_page(detector: Detector, at: Size) -> None:
    sheet = lettered(*STAFF[:2], paper=(2400, 2000), at=at)

    quads = found(detector, sheet)
    assert len(quads) == 2
    assert frame(quads) == pytest.approx(inked(sheet), abs=12)


def test_lines_keep_their_places_when_the_page_is_enlarged(detector: Detector) -> None:
    sheet = lettered(*STAFF)
    large = ImageOps.scale(sheet, 3, Image.Resampling.LANCZOS)

    assert np.array(found(detector, large)) / 3 == pytest.approx(np.array(found(detector, sheet)), abs=6)


def test_nothing_is_looked_for_on_an_empty_page(detector: Detector) -> None:
    assert found(detector, Image.new("RGB", (900, 1200), "white")) == []


@pytest.mark.parametrize("first", range(4))
def test_corners_begin_at_the_top_left_whichever_comes_first(first: int) -> None:
    corners = np.array([[10, 20], [90, 25], [88, 45], [8, 40]], np.float32)

    assert clockwise(np.roll(corners, first, axis=0)).tolist() == corners.tolist()
