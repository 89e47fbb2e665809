"""A page that lies on its side or upside down is read as if it stood, and its result is that of the page which stands."""

from __future__ import annotations

import numpy as np
import pytest
from docusnap.adapters import models
from docusnap.adapters.onnx.crops import runs_right
from docusnap.adapters.onnx.detector import clockwise
from docusnap.adapters.onnx.engine import OnnxEngine
from docusnap.adapters.onnx.orientation import Orientation, turned
from docusnap.model import RecognisedPage
from PIL import Image

from tests.support.engine import error_rate, page, raster, truth
from tests.support.lettering import lettered, pixels
from tests.support.networks import session

T = Image.Transpose
CLOCKWISE = {90: T.ROTATE_270, 180: T.ROTATE_180, 270: T.ROTATE_90}  # Pillow turns the other way
WHITE = (255, 255, 255)


@pytest.fixture(scope="module")
def network() -> Orientation:
    """The real one."""
    return Orientation(session(models.ORIENTATION))


def read(engine: OnnxEngine, picture: Image.Image) -> RecognisedPage:
    (recognised,) = engine.recognise([raster(picture)])
    return recognised


def upright(*lines: str) -> Image.Image:
    """A page with next to nothing on it."""
    return lettered(*lines, size=40, paper=(1240, 1754), at=(300, 800))


@pytest.mark.parametrize(
    ("name", "degrees"), [("form", 90), ("form", 180), ("form", 270), ("chinese", 180), ("vertical", 90), ("vertical", 270)]
)
def test_a_turned_page_is_the_same_as_the_upright_one(
    engine: OnnxEngine, drawn: dict[str, RecognisedPage], name: str, degrees: int
) -> None:
    found, stood = read(engine, page(name).transpose(CLOCKWISE[degrees])), drawn[name]

    assert found.text == stood.text
    assert found.rotation == (360 - degrees) % 360
    assert (found.width, found.height) == (stood.width, stood.height)
    polygons = [np.array([line.polygon for line in result.lines]) for result in (found, stood)]
    assert polygons[0] == pytest.approx(polygons[1], abs=3)
    assert [line.words for line in found.lines] == [line.words for line in stood.lines]


@pytest.mark.parametrize("text", ["Page 12", "Thank you", "Annex B: the tide book of Wexley Sands"])
@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_one_line_is_enough_to_tell(engine: OnnxEngine, text: str, degrees: int) -> None:
    found = read(engine, upright(text).transpose(CLOCKWISE[degrees]))

    assert (found.text, found.rotation) == (text, 360 - degrees)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_strip_of_one_line_is_put_upright_by_reading_it(engine: OnnxEngine, degrees: int) -> None:
    """The network sees a square out of the middle of its ink, three letters wide, and is sure of the wrong way."""
    strip = page("form").crop((0, 100, 1240, 200)).transpose(CLOCKWISE[degrees])

    found = read(engine, strip)
    assert (found.text, found.rotation) == ("Application for a library card", 360 - degrees)


def test_text_in_the_corner_of_a_large_sheet_is_put_upright(engine: OnnxEngine) -> None:
    sheet = Image.new("RGB", (3000, 3000), "white")
    sheet.paste(page("form").crop((100, 220, 1140, 860)), (1900, 2300))

    found = read(engine, sheet.transpose(T.ROTATE_90))
    assert found.rotation == 90
    assert found.lines[0].text == "Surname"


@pytest.mark.parametrize("text", ["7", "SOS", "- 14 -", "NO. 66"])
def test_what_reads_as_well_upside_down_is_left_as_it_stands(engine: OnnxEngine, text: str) -> None:
    assert read(engine, upright(text)).rotation == 0


@pytest.mark.parametrize("degrees", [-10, 10])
@pytest.mark.parametrize("name", ["two-columns", "form"])
def test_a_page_that_lies_askew_is_not_turned_further(engine: OnnxEngine, name: str, degrees: int) -> None:
    askew = page(name).rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=WHITE)

    found = read(engine, askew)
    assert found.rotation == 0
    assert error_rate(found.text, truth(name)) <= 0.01


@pytest.mark.parametrize("colour", ["white", "black"])
def test_an_empty_page_stands_as_it_is(engine: OnnxEngine, colour: str) -> None:
    found = read(engine, Image.new("RGB", (500, 300), colour))

    assert found.empty
    assert (found.rotation, found.width, found.height) == (0, 500, 300)


def test_a_strip_is_cut_before_it_is_enlarged(network: Orientation) -> None:
    """Two pixels high, and enlarged to what the network looks at four hundred million long."""
    _, likely = network.quarters(np.full((2, 3_000_000, 3), 255, np.uint8))

    assert 0.25 <= likely <= 1


def test_the_network_looks_at_the_middle_of_the_page(network: Orientation) -> None:
    middle = pixels(page("form").crop((100, 150, 1140, 1190)))
    wide = np.pad(middle, ((0, 0), (4000, 4000), (0, 0)), constant_values=255)

    assert network.quarters(wide) == network.quarters(middle)


@pytest.mark.parametrize("quarters", range(4))
def test_pixels_are_turned_counter_clockwise(quarters: int) -> None:
    sheet = pixels(lettered("L", paper=(50, 40), at=(2, 2)))
    turns = {0: None, 1: T.ROTATE_90, 2: T.ROTATE_180, 3: T.ROTATE_270}[quarters]

    expected = sheet if turns is None else pixels(Image.fromarray(sheet).transpose(turns))
    assert np.array_equal(turned(sheet, quarters), expected)
    assert turned(sheet, quarters).flags.c_contiguous


@pytest.mark.parametrize(
    ("corners", "right"),
    [
        ([[0, 0], [100, 0], [100, 20], [0, 20]], True),
        ([[0, 40], [98, 0], [106, 18], [8, 58]], True),
        ([[0, 0], [20, 0], [20, 100], [0, 100]], False),
        ([[170, 1117], [342, 155], [385, 163], [213, 1125]], False),
    ],
    ids=["level", "askew", "vertical", "steep"],
)
def test_a_steep_line_does_not_run_to_the_right(corners: list[list[float]], right: bool) -> None:
    assert runs_right(clockwise(np.array(corners, np.float32))) is right
