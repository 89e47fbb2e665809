"""Recognition on a CUDA device."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import pytest
from docusnap import settings
from docusnap.adapters import models
from docusnap.adapters.engine_process import EngineProcess
from docusnap.adapters.onnx import device
from docusnap.adapters.onnx.session import Session
from docusnap.model import PageRaster
from PIL import Image

SAMPLE = Path(__file__).parents[2] / "layers/docusnap/sample"
SETTINGS = settings.load({"DATABASE_URL": "postgresql://nobody/nothing", "S3_ENDPOINT_URL": "http://127.0.0.1", "OCR_DEVICE": "cuda"})


@pytest.mark.parametrize("wanted", ["auto", "cuda"])
def test_the_networks_run_on_the_device(wanted: str) -> None:
    for model in models.MODELS:
        assert Session(models.default_dir() / model.name, wanted=wanted).loaded.get_providers()[0] == device.CUDA


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_sample_page_is_read_exactly_on_the_device(mode: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = Image.open(SAMPLE / "page.png").convert(mode)
    raster = PageRaster(1, page.width, page.height, 150, page.tobytes(), len(page.getbands()))
    took = []
    for wanted in ("cuda", "cpu"):
        engine = EngineProcess(dataclasses.replace(SETTINGS, ocr_device=wanted))
        try:
            next(engine.recognise([raster]))  # loads and warms up
            began = time.monotonic()
            text = next(engine.recognise([raster])).text
            took.append(f"{wanted} {time.monotonic() - began:.2f} s")
        finally:
            engine.close()
        assert text == (SAMPLE / "page.txt").read_text("utf-8").rstrip("\n")
    with capsys.disabled():
        print(f"\nthe sample page: {', '.join(took)}")
