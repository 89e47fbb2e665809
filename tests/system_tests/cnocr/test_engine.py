"""What CnOCR alone can do wrong: it hides errors, looks for models on a hub, and takes any name."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from docusnap import errors
from docusnap.adapters import models
from docusnap.adapters.cnocr.engine import CnocrEngine
from docusnap.adapters.engine_process import EngineProcess
from docusnap.model import PageRaster
from docusnap.ports import OcrEngine

from tests.support.engine import changed, error_rate, page, raster, truth

HEADING = (100, 100, 700, 500)  # of the form
TITLE = "Application for a library card"


def heading(number: int = 1) -> PageRaster:
    return raster(page("form").crop(HEADING), number)


@pytest.fixture(scope="module")
def asked() -> list[str]:
    """Every call from here on that asks something of the network."""
    calls: list[str] = []
    sys.addaudithook(lambda event, args: calls.append(f"{event} {args}") if event in ("socket.connect", "socket.getaddrinfo") else None)
    return calls


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """A models folder that holds two models of the zoo by name; in truth they are the small ones, which the same code of CnOCR runs."""
    for name, model in (("ch_PP-OCRv5_det", models.DETECTOR), ("ch_PP-OCRv5", models.RECOGNISER)):
        (tmp_path / "cnocr" / name).mkdir(parents=True)
        shutil.copy(models.default_dir() / model.name, tmp_path / "cnocr" / name / "model.onnx")
    return tmp_path


def test_another_model_of_the_zoo_is_run_by_its_name_and_nothing_is_asked_of_a_hub(zoo: Path, asked: list[str]) -> None:
    chosen = CnocrEngine(zoo, "ch_PP-OCRv5_det", "ch_PP-OCRv5")

    (recognised,) = chosen.recognise([heading()])
    assert recognised.text.startswith(TITLE)
    assert [model.name for model in chosen.info.models] == ["ch_PP-OCRv5_det/model.onnx", "ch_PP-OCRv5/model.onnx"]
    assert asked == []


def test_a_detector_that_cnocr_does_not_know_is_a_sentence(zoo: Path) -> None:
    shutil.copytree(zoo / "cnocr/ch_PP-OCRv5_det", zoo / "cnocr/no_such_det")

    with pytest.raises(errors.EngineFailed, match="CnOCR has no detector named no_such_det"):
        CnocrEngine(zoo, "no_such_det", "ch_PP-OCRv5").warm()


def test_a_file_that_is_no_model_is_a_sentence_and_stays_where_it_is(zoo: Path) -> None:
    file = zoo / "cnocr/ch_PP-OCRv5/model.onnx"
    file.write_bytes(b"cut off")

    with pytest.raises(errors.EngineFailed, match="models could not be loaded"):
        CnocrEngine(zoo, "ch_PP-OCRv5_det", "ch_PP-OCRv5").warm()
    assert file.read_bytes() == b"cut off"


def test_lines_that_cnocr_could_not_read_are_an_error_and_not_missing(engine: OcrEngine) -> None:
    reader = cast("CnocrEngine", engine)._ready().rec_model
    own, reader.recognize = reader.recognize, lambda *_, **__: []  # what it answers with after any error
    try:
        with pytest.raises(errors.EngineFailed, match=r"CnOCR read 0 of \d lines") as caught:
            list(engine.recognise([heading(6)]))
    finally:
        reader.recognize = own
    assert caught.value.page == 6


@pytest.fixture(scope="module")
def process() -> Iterator[EngineProcess]:
    started = EngineProcess(changed(ocr_engine="cnocr", page_seconds=300.0))  # beside whatever else this machine does
    yield started
    started.close()


def test_the_lasting_child_runs_cnocr_as_it_runs_the_other_engine(process: EngineProcess) -> None:
    process.warm()
    first, second = process.recognise([heading(1), raster(page("vertical"), 2)])
    born = process.pid

    assert first.text.startswith(TITLE)
    assert error_rate(second.text, truth("vertical")) <= 0.01
    with pytest.raises(errors.EngineFailed, match="reported an error"):
        list(process.recognise([PageRaster(3, 100, 100, None, b"few")]))
    assert process.pid == born


def test_its_provenance_is_cnocr_with_what_it_runs_on(process: EngineProcess, engine: OcrEngine) -> None:
    assert process.info == engine.info
    assert process.info.name == "cnocr"
    assert process.info.version.startswith("cnocr 2.3.3, rapidocr 3.9.1, onnxruntime ")
    assert list(process.info.models) == [models.DETECTOR, models.RECOGNISER]


def test_no_line_claims_to_know_its_words(drawn: dict[str, Any]) -> None:
    assert all(line.words == () for line in drawn["form"].lines)
