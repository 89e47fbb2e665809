"""The same network in both engines: CnOCR and our own code on the small PP-OCRv6 models alone.

Our side is built of the onnx engine's parts, so that whatever else that engine reads with has no part in it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest
from docusnap.adapters import models
from docusnap.adapters.cnocr.engine import CnocrEngine
from docusnap.adapters.onnx.crops import readings
from docusnap.adapters.onnx.detector import Detector
from docusnap.adapters.onnx.faster import run_faster
from docusnap.adapters.onnx.recogniser import Recogniser
from docusnap.adapters.onnx.session import Session
from docusnap.adapters.onnx.survey import survey
from docusnap.model import RecognisedPage
from docusnap.ports import OcrEngine
from numpy.typing import NDArray
from PIL import Image

from benchmarks.engine.distance import plain
from benchmarks.pages.collection import drawn as collected
from tests.support.engine import ROOT, page, raster

Pixels = NDArray[np.uint8]
LEGIBLE = 0.5  # below which the onnx engine takes a reading for noise
DRAWN = ("chinese", "form", "two-columns", "vertical")
COLLECTED = ("table", "receipt", "mixed_lines")


@dataclass(frozen=True)
class Small:
    """The small network alone, with our own detection, cutting, scaling and decoding around it."""

    detector: Detector
    recogniser: Recogniser

    @classmethod
    def loaded(cls) -> Small:
        folder = models.default_dir()
        detector, recogniser = (Session(folder / model.name, changes=[run_faster]) for model in (models.DETECTOR, models.RECOGNISER))
        return cls(Detector(detector), Recogniser(recogniser))

    def crops(self, pixels: Pixels) -> list[list[Any]]:
        """For every line the ways to read it."""
        return [[crop for crop, _ in readings(pixels, quad)] for quad in self.detector.detect(pixels, survey(pixels))]

    def text(self, pixels: Pixels) -> str:
        best = [max(self.recogniser.read(ways), key=lambda reading: reading.confidence) for ways in self.crops(pixels)]
        return "\n".join(reading.text for reading in best if reading.confidence >= LEGIBLE)


@pytest.fixture(scope="module")
def small() -> Small:
    return Small.loaded()


@pytest.fixture(scope="module")
def pages() -> dict[str, Pixels]:
    """Pages that the project drew, kept or drawn anew from a seed."""
    kept = {name: page(name) for name in DRAWN}
    kept["sample"] = Image.open(ROOT / "layers/docusnap/sample/page.png")
    anew = {name: Image.fromarray(collected(name).pixels) for name in COLLECTED}
    return {name: np.asarray(picture.convert("RGB")) for name, picture in (kept | anew).items()}


def test_the_same_crops_give_the_same_text(
    engine: OcrEngine, small: Small, pages: dict[str, Pixels], capsys: pytest.CaptureFixture[str]
) -> None:
    crops = [way for name in DRAWN for ways in small.crops(pages[name]) for way in ways]

    with cast("CnocrEngine", engine)._turn:
        theirs = [line["text"] for line in cast("CnocrEngine", engine)._ready().ocr_for_single_lines(crops)]
    ours = [reading.text for reading in small.recogniser.read(crops)]
    with capsys.disabled():
        print(f"\n{sum(a == b for a, b in zip(ours, theirs, strict=True))} of {len(crops)} crops read alike", end="")
    assert len(crops) > 80
    assert ours == theirs


def test_both_find_the_same_characters_on_pages_drawn_by_the_project(
    engine: OcrEngine, drawn: dict[str, RecognisedPage], small: Small, pages: dict[str, Pixels], capsys: pytest.CaptureFixture[str]
) -> None:
    shared = most = 0
    for name, pixels in pages.items():
        recognised = drawn.get(name) or next(engine.recognise([raster(Image.fromarray(pixels))]))
        theirs, ours = Counter(plain(recognised.text)), Counter(plain(small.text(pixels)))
        found, of = (theirs & ours).total(), max(theirs.total(), ours.total())
        shared, most = shared + found, most + of
        with capsys.disabled():
            print(f"\n{name}: {found} of {of} characters, theirs alone {theirs - ours}, ours alone {ours - theirs}", end="")
    with capsys.disabled():
        print(f"\nall pages: {shared} of {most}, {shared / most:.2%}")
    assert shared / most >= 0.99
