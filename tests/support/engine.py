"""The engine under test, and the pages that benchmarks/draw_test_pages.py drew.

`DOCUSNAP_TEST_ENGINE` names another engine than `onnx`: `cnocr`, in an environment that has it (`tests/system/cnocr`).
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docusnap import settings
from docusnap.model import PageRaster, RecognisedPage
from docusnap.ports import OcrEngine
from docusnap.settings import Settings
from PIL import Image

from benchmarks.engine.distance import cer

__all__ = ["drawn", "engine"]

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "tests/data/pages"
SETTINGS = settings.load({"DATABASE_URL": "postgresql://nobody/nothing", "S3_ENDPOINT_URL": "http://127.0.0.1"})


def changed(**values: Any) -> Settings:
    return dataclasses.replace(SETTINGS, **values)


def raster(picture: Image.Image, number: int = 1) -> PageRaster:
    """Grey where the picture is, as the decoder hands it over."""
    plain = picture if picture.mode == "L" else picture.convert("RGB")
    return PageRaster(number, picture.width, picture.height, 150, plain.tobytes(), len(plain.getbands()))


def page(name: str) -> Image.Image:
    return Image.open(PAGES / f"{name}.png").convert("RGB")


def truth(name: str) -> str:
    return (PAGES / f"{name}.txt").read_text("utf-8")


def error_rate(found: str, expected: str) -> float:
    """Edit distance over the length of the truth, after NFKC and without white space: order counts."""
    return cer(expected, found)


@pytest.fixture(scope="session")
def engine() -> Iterator[OcrEngine]:
    """One for all tests, on the real models."""
    opened: OcrEngine
    if os.environ.get("DOCUSNAP_TEST_ENGINE", "onnx") == "cnocr":
        from docusnap.adapters.cnocr.engine import CnocrEngine  # noqa: PLC0415  the environments differ

        opened = CnocrEngine()
    else:
        from docusnap.adapters.onnx.engine import OnnxEngine  # noqa: PLC0415

        opened = OnnxEngine()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def drawn(engine: OcrEngine) -> dict[str, RecognisedPage]:
    """Every drawn page as the engine reads it, by its name."""
    names = sorted(path.stem for path in PAGES.glob("*.png"))
    return dict(zip(names, engine.recognise(raster(page(name)) for name in names), strict=True))
