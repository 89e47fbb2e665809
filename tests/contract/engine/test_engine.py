"""What every engine does: the same tests run on each (`tests/system/cnocr` runs them on CnOCR)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from docusnap import errors
from docusnap.model import PageRaster, RecognisedPage
from docusnap.ports import OcrEngine
from PIL import Image

from tests.support.engine import error_rate, page, raster, truth

DRAWN = ["two-columns", "chinese", "form", "vertical"]


def read(engine: OcrEngine, picture: Image.Image) -> RecognisedPage:
    (recognised,) = engine.recognise([raster(picture)])
    return recognised


def without_confidences(recognised: RecognisedPage) -> RecognisedPage:
    lines = [replace(line, confidence=None, words=[replace(word, confidence=None) for word in line.words]) for line in recognised.lines]
    return replace(recognised, lines=lines)


@pytest.mark.parametrize("name", DRAWN)
def test_a_drawn_page_is_read_in_reading_order(drawn: dict[str, RecognisedPage], name: str) -> None:
    assert error_rate(drawn[name].text, truth(name)) <= 0.01


@pytest.mark.parametrize("name", DRAWN)
def test_every_line_of_a_drawn_page_stands_alone(drawn: dict[str, RecognisedPage], name: str) -> None:
    assert len(drawn[name].lines) == len(truth(name).splitlines())


@pytest.mark.parametrize("tilt", [0, 4, 90])
@pytest.mark.parametrize("name", DRAWN)
def test_a_grey_raster_is_read_as_one_in_colours_is(engine: OcrEngine, name: str, tilt: int) -> None:
    grey = page(name).convert("L").rotate(tilt, Image.Resampling.BICUBIC, expand=True, fillcolor=255)

    as_grey, in_colours = read(engine, grey), read(engine, grey.convert("RGB"))

    assert without_confidences(as_grey) == without_confidences(in_colours)
    # A model for one channel adds up in another order: the last digit may differ.
    for one, other in zip(as_grey.lines, in_colours.lines, strict=True):
        assert one.confidence == pytest.approx(other.confidence, abs=0.001)


def test_a_result_carries_the_page_it_was_read_from(engine: OcrEngine) -> None:
    (recognised,) = engine.recognise([raster(page("vertical"), number=7)])

    assert (recognised.number, recognised.width, recognised.height, recognised.dpi) == (7, 760, 780, 150)
    assert (recognised.source, recognised.rotation) == ("ocr", 0)


@pytest.mark.parametrize("name", DRAWN)
def test_every_line_is_legible_and_stands_on_the_page(drawn: dict[str, RecognisedPage], name: str) -> None:
    for line in drawn[name].lines:
        assert line.confidence is not None
        assert 0.5 < line.confidence <= 1
        assert len(line.polygon) == 4
        assert all(0 <= x <= drawn[name].width and 0 <= y <= drawn[name].height for x, y in line.polygon)


@pytest.mark.parametrize("name", DRAWN)
def test_every_line_belongs_to_one_block(drawn: dict[str, RecognisedPage], name: str) -> None:
    held = [number for block in drawn[name].blocks for number in range(block.first, block.last + 1)]

    assert held == list(range(len(drawn[name].lines)))


def test_a_line_stands_where_it_was_drawn(drawn: dict[str, RecognisedPage]) -> None:
    line = next(line for line in drawn["form"].lines if line.text.startswith("Cloth bag"))

    (left, top), (right, _), (_, bottom), _ = line.polygon
    assert 90 < left < 115
    assert 440 < right < 500
    assert 20 < bottom - top < 50


def test_a_vertical_line_runs_downwards_and_the_right_one_comes_first(drawn: dict[str, RecognisedPage]) -> None:
    (left, top), (right, _), (_, bottom), _ = drawn["vertical"].lines[0].polygon

    assert bottom - top > 10 * (right - left)
    assert left > 600


def test_a_page_comes_before_all_are_asked_for_and_in_their_order(engine: OcrEngine) -> None:
    asked: list[int] = []

    def pages() -> Iterator[PageRaster]:
        for number in (3, 1, 2, 5, 4):
            asked.append(number)
            yield raster(Image.new("RGB", (60, 40), "white"), number)

    results = engine.recognise(pages())
    assert next(results).number == 3
    assert len(asked) < 5  # it may look ahead, but not without end
    assert [result.number for result in results] == [1, 2, 5, 4]


@pytest.mark.parametrize("colour", ["white", "black", "#c08040"])
def test_a_blank_page_is_a_result_without_lines(engine: OcrEngine, colour: str) -> None:
    recognised = read(engine, Image.new("RGB", (800, 1100), colour))

    assert recognised.empty
    assert recognised.blocks == ()


@pytest.mark.parametrize("size", [(1, 1), (3, 2000), (40000, 5), (33, 31)])
def test_a_picture_of_an_odd_shape_is_a_result_too(engine: OcrEngine, size: tuple[int, int]) -> None:
    assert read(engine, Image.new("RGB", size, "white")).empty


def test_text_at_the_far_end_of_a_very_wide_page_is_read_where_it_is(engine: OcrEngine) -> None:
    wide = Image.new("RGB", (34000, 1000), "white")
    wide.paste(page("form").crop((100, 100, 700, 200)).resize((3000, 500)), (30500, 200))

    (line,) = read(engine, wide).lines
    assert line.text == "Application for a library card"
    assert 30400 < line.polygon[0][0] < 30700


def test_a_large_page_is_read_as_well(engine: OcrEngine) -> None:
    large = page("vertical").resize((7 * 760, 7 * 780), Image.Resampling.LANCZOS)

    assert error_rate(read(engine, large).text, truth("vertical")) <= 0.01


def test_pixels_that_are_no_raster_are_an_error_and_not_an_empty_page(engine: OcrEngine) -> None:
    with pytest.raises(errors.EngineFailed) as caught:
        list(engine.recognise([PageRaster(4, 100, 100, None, b"few")]))

    assert caught.value.page == 4
    assert read(engine, Image.new("RGB", (60, 40), "white")).empty


def test_several_threads_may_ask_at_once(engine: OcrEngine) -> None:
    heading, names = page("form").crop((100, 100, 700, 500)), page("form").crop((100, 200, 700, 700))
    asked = [heading, names, heading]
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda picture: read(engine, picture).text, asked))

    assert found == [read(engine, picture).text for picture in asked]
    assert found[0].startswith("Application for a library card")


def test_the_engine_names_itself_and_its_models(engine: OcrEngine) -> None:
    assert engine.info.name in ("onnx", "cnocr")
    assert "onnxruntime" in engine.info.version
    assert len(engine.info.models) >= 2
    assert all(re.fullmatch(r"[0-9a-f]{64}", model.sha256) for model in engine.info.models)
