"""What the engine reads, and in which order, on pages drawn by the project."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from docusnap import errors
from docusnap.adapters.onnx.engine import OnnxEngine
from docusnap.model import PageRaster, RecognisedPage
from PIL import Image, ImageFilter, ImageOps

from tests.integration.engine.conftest import ROOT, error_rate, page, raster, truth

DRAWN = ["two-columns", "chinese", "form", "vertical"]


def read(engine: OnnxEngine, picture: Image.Image) -> RecognisedPage:
    (recognised,) = engine.recognise([raster(picture)])
    return recognised


@pytest.mark.parametrize("name", DRAWN)
def test_a_drawn_page_is_read_in_reading_order(drawn: dict[str, RecognisedPage], name: str) -> None:
    assert error_rate(drawn[name].text, truth(name)) <= 0.01


@pytest.mark.parametrize("name", DRAWN)
def test_every_line_of_a_drawn_page_stands_alone(drawn: dict[str, RecognisedPage], name: str) -> None:
    assert len(drawn[name].lines) == len(truth(name).splitlines())


def test_the_sample_page_is_read_exactly(engine: OnnxEngine) -> None:
    folder = ROOT / "layers/docusnap/sample"

    assert read(engine, Image.open(folder / "page.png")).text == (folder / "page.txt").read_text("utf-8").rstrip("\n")


@pytest.mark.parametrize("degrees", [-2, 1.5])
def test_a_slanted_scan_is_read_in_order(engine: OnnxEngine, degrees: float) -> None:
    slanted = page("two-columns").rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=(255, 255, 255))

    assert error_rate(read(engine, slanted).text, truth("two-columns")) <= 0.01


@pytest.mark.parametrize("factor", [0.7, 2])
def test_a_page_is_read_at_other_resolutions(engine: OnnxEngine, factor: float) -> None:
    scaled = ImageOps.scale(page("two-columns"), factor, Image.Resampling.LANCZOS)

    assert error_rate(read(engine, scaled).text, truth("two-columns")) <= 0.01


def test_light_text_on_a_dark_ground_is_read(engine: OnnxEngine) -> None:
    assert error_rate(read(engine, ImageOps.invert(page("form"))).text, truth("form")) <= 0.01


def test_a_soft_and_noisy_scan_is_read(engine: OnnxEngine) -> None:
    soft = np.asarray(page("two-columns").filter(ImageFilter.GaussianBlur(1)), np.float32)
    noisy = soft * 0.8 + 30 + np.random.default_rng(5).normal(0, 12, soft.shape)

    text = read(engine, Image.fromarray(noisy.clip(0, 255).astype(np.uint8))).text
    assert error_rate(text, truth("two-columns")) <= 0.02


def test_a_result_says_where_its_lines_and_words_stand(drawn: dict[str, RecognisedPage]) -> None:
    line = next(line for line in drawn["form"].lines if line.text.startswith("Cloth bag"))
    (left, top), (right, _), (_, bottom), _ = line.polygon
    assert 90 < left < 115
    assert 440 < right < 500
    assert 20 < bottom - top < 50
    assert [word.text for word in line.words] == ["Cloth", "bag", "with", "the", "library's", "seal"]
    edges = [(word.polygon[0][0], word.polygon[1][0]) for word in line.words]
    assert edges[0][0] == left
    assert edges[-1][1] == right
    assert all(end < start for (_, end), (start, _) in itertools.pairwise(edges))


def test_the_words_of_a_vertical_line_follow_downwards(drawn: dict[str, RecognisedPage]) -> None:
    line = drawn["vertical"].lines[0]

    (left, top), (right, _), (_, bottom), _ = line.polygon
    assert bottom - top > 10 * (right - left)
    assert left > 600


def test_a_result_carries_the_page_it_was_read_from(engine: OnnxEngine) -> None:
    (recognised,) = engine.recognise([raster(page("form"), number=7)])

    assert (recognised.number, recognised.width, recognised.height, recognised.dpi) == (7, 1240, 1754, 150)
    assert (recognised.source, recognised.rotation) == ("ocr", 0)
    assert all(line.confidence is not None and 0.9 < line.confidence <= 1 for line in recognised.lines)
    assert recognised.blocks[0].first == 0
    assert recognised.blocks[-1].last == len(recognised.lines) - 1


@pytest.mark.parametrize("colour", ["white", "black", "#c08040"])
def test_a_blank_page_is_a_result_without_lines(engine: OnnxEngine, colour: str) -> None:
    recognised = read(engine, Image.new("RGB", (800, 1100), colour))

    assert recognised.empty
    assert recognised.blocks == ()


@pytest.mark.parametrize("size", [(1, 1), (3, 2000), (40000, 5), (33, 31)])
def test_a_picture_of_an_odd_shape_is_a_result_too(engine: OnnxEngine, size: tuple[int, int]) -> None:
    assert read(engine, Image.new("RGB", size, "white")).empty


def test_a_line_at_the_very_edge_is_read(engine: OnnxEngine) -> None:
    cropped = page("form").crop((108, 240, 700, 640))

    assert read(engine, cropped).lines[0].text == "Surname"


def test_text_beyond_the_reach_of_opencvs_warp_is_read(engine: OnnxEngine) -> None:
    wide = Image.new("RGB", (34000, 1000), "white")
    heading = page("form").crop((100, 100, 700, 200)).resize((3000, 500))
    wide.paste(heading, (30500, 200))

    assert read(engine, wide).text == "Application for a library card"


def test_pixels_that_are_no_raster_are_an_error_and_not_an_empty_page(engine: OnnxEngine) -> None:
    with pytest.raises(errors.EngineFailed) as caught:
        list(engine.recognise([PageRaster(4, 100, 100, None, b"few")]))

    assert caught.value.page == 4


def test_several_threads_may_ask_at_once(engine: OnnxEngine) -> None:
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda name: read(engine, page(name)).text, ["form", "vertical", "form"]))

    assert found[0] == found[2]
    assert [error_rate(text, truth(name)) for text, name in zip(found, ["form", "vertical", "form"], strict=True)] == [0, 0, 0]
