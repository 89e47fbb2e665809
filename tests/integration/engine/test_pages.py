"""What the onnx engine reads beyond what every engine must (tests/contract/engine), on pages drawn by the project."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from docusnap.adapters.onnx.engine import OnnxEngine
from docusnap.model import RecognisedPage
from PIL import Image, ImageFilter, ImageOps

from tests.support.engine import ROOT, error_rate, page, raster, truth


def read(engine: OnnxEngine, picture: Image.Image) -> RecognisedPage:
    (recognised,) = engine.recognise([raster(picture)])
    return recognised


def test_the_sample_page_is_read_exactly(engine: OnnxEngine) -> None:
    folder = ROOT / "layers/docusnap/sample"

    assert read(engine, Image.open(folder / "page.png")).text == (folder / "page.txt").read_text("utf-8").rstrip("\n")


@pytest.mark.parametrize("degrees", [-2, 1.5])
def test_a_slanted_scan_is_read_in_order(engine: OnnxEngine, degrees: float) -> None:
    slanted = page("two-columns").rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=(255, 255, 255))

    assert error_rate(read(engine, slanted).text, truth("two-columns")) <= 0.01


def test_columns_so_close_that_some_of_their_lines_are_found_as_one_are_read_one_after_the_other(engine: OnnxEngine) -> None:
    """If such lines were not parted again they would close the gutter: an error rate of 0.12."""
    wide = page("two-columns")
    close = wide.copy()
    close.paste(wide.crop((624, 0, *wide.size)), (612, 0))  # out of the gutter, which is 42 pixels wide

    assert error_rate(read(engine, close).text, truth("two-columns")) <= 0.01


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


def test_a_result_says_where_its_words_stand(drawn: dict[str, RecognisedPage]) -> None:
    line = next(line for line in drawn["form"].lines if line.text.startswith("Cloth bag"))
    (left, _), (right, _), *_ = line.polygon
    assert [word.text for word in line.words] == ["Cloth", "bag", "with", "the", "library's", "seal"]
    edges = [(word.polygon[0][0], word.polygon[1][0]) for word in line.words]
    assert edges[0][0] == left
    assert edges[-1][1] == right
    assert all(end < start for (_, end), (start, _) in itertools.pairwise(edges))


def test_a_line_at_the_very_edge_is_read(engine: OnnxEngine) -> None:
    cropped = page("form").crop((108, 240, 700, 640))

    assert read(engine, cropped).lines[0].text == "Surname"
