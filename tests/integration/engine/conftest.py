"""One engine for all tests of this folder, on the real models, and the pages that benchmarks/draw_test_pages.py drew."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docusnap import settings
from docusnap.adapters.onnx.engine import OnnxEngine
from docusnap.model import PageRaster, RecognisedPage
from docusnap.settings import Settings
from PIL import Image

ROOT = Path(__file__).parents[3]
PAGES = ROOT / "tests/data/pages"
SETTINGS = settings.load({"DATABASE_URL": "postgresql://nobody/nothing", "S3_ENDPOINT_URL": "http://127.0.0.1"})


def changed(**values: Any) -> Settings:
    return dataclasses.replace(SETTINGS, **values)


def raster(picture: Image.Image, number: int = 1) -> PageRaster:
    return PageRaster(number, picture.width, picture.height, 150, picture.convert("RGB").tobytes())


def page(name: str) -> Image.Image:
    return Image.open(PAGES / f"{name}.png").convert("RGB")


def truth(name: str) -> str:
    return (PAGES / f"{name}.txt").read_text("utf-8")


def error_rate(found: str, expected: str) -> float:
    """Edit distance over the length of the truth, after NFKC and without white space: order counts."""
    found, expected = ("".join(unicodedata.normalize("NFKC", text).split()) for text in (found, expected))
    row = list(range(len(expected) + 1))
    for letter in found:
        diagonal, row[0] = row[0], row[0] + 1
        for place, wanted in enumerate(expected, 1):
            diagonal, row[place] = row[place], min(diagonal + (letter != wanted), row[place] + 1, row[place - 1] + 1)
    return row[-1] / len(expected)


@pytest.fixture(scope="session")
def engine() -> Iterator[OnnxEngine]:
    opened = OnnxEngine()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def drawn(engine: OnnxEngine) -> dict[str, RecognisedPage]:
    """Every drawn page as the engine reads it, by its name."""
    names = sorted(path.stem for path in PAGES.glob("*.png"))
    return dict(zip(names, engine.recognise(raster(page(name)) for name in names), strict=True))
