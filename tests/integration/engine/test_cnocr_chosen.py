"""OCR_ENGINE=cnocr where CnOCR is not installed: what is looked for, and what is said. With CnOCR: tests/system/cnocr."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from docusnap import errors
from docusnap.adapters import engines, models
from docusnap.adapters.cnocr import zoo
from docusnap.adapters.cnocr.engine import MAX_AREA, bounded
from docusnap.adapters.engine_process import EngineProcess

from tests.support.engine import changed


def test_a_worker_without_the_package_does_not_start_and_names_the_lock_file() -> None:
    with pytest.raises(errors.ConfigurationError, match=r"cnocr is not installed: install requirements/cnocr\.txt"):
        EngineProcess(changed(ocr_engine="cnocr"))


def test_the_onnx_engine_is_what_runs_unless_another_is_named() -> None:
    assert engines.choose(changed()).info.name == "onnx"


@pytest.mark.parametrize(("name", "file"), [(zoo.DETECTOR, models.DETECTOR), (zoo.RECOGNISER, models.RECOGNISER)])
def test_the_small_models_are_the_projects_own(name: str, file: object) -> None:
    model = zoo.locate(None, name)

    model.verify()
    assert model.file == file


def test_another_model_lies_in_a_folder_of_its_name(tmp_path: Path) -> None:
    place = tmp_path / "cnocr/db_resnet18"
    place.mkdir(parents=True)
    (place / "cnstd-v1.2-db_resnet18-pan-epoch=034.ckpt").write_bytes(b"weights")
    (place / "README.md").write_text("of the zoo", "utf-8")

    model = zoo.locate(tmp_path, "db_resnet18")
    model.verify()
    assert model.path.parent == place
    assert model.backend == "pytorch"


@pytest.mark.parametrize("files", [[], ["a.onnx", "b.onnx"]])
def test_a_model_whose_file_is_not_plain_is_a_sentence_that_says_where_it_belongs(tmp_path: Path, files: list[str]) -> None:
    place = tmp_path / "cnocr/ch_PP-OCRv5"
    place.mkdir(parents=True)
    for file in files:
        (place / file).write_bytes(b"weights")

    with pytest.raises(errors.ConfigurationError, match=f"{place} holds {len(files)} model files: put the .onnx or .ckpt file"):
        zoo.locate(tmp_path, "ch_PP-OCRv5")


def test_a_missing_file_of_the_projects_own_is_named_with_the_command_that_brings_it(tmp_path: Path) -> None:
    with pytest.raises(errors.ConfigurationError, match=f"lacks {models.DETECTOR.name}. Fetch the models with"):
        zoo.locate(tmp_path, zoo.DETECTOR)


def test_a_damaged_file_of_the_projects_own_is_refused(tmp_path: Path) -> None:
    (tmp_path / models.DETECTOR.name).write_bytes(b"cut off")

    with pytest.raises(errors.ConfigurationError, match="is not the expected file"):
        zoo.locate(tmp_path, zoo.DETECTOR).verify()


@pytest.mark.parametrize("size", [(1, 1), (2000, 3), (3, 2000), (40000, 5), (5, 40000), (10000, 10000), (1000, 12000)])
def test_no_page_grows_beyond_what_cnocr_can_afford(size: tuple[int, int]) -> None:
    raster, _ = bounded(np.zeros((size[1], size[0], 3), np.uint8))

    height, width = raster.shape[:2]
    enlarged = max(1.0, 736 / min(height, width))  # as CnOCR does
    assert height * width * enlarged**2 < 2 * MAX_AREA


def test_an_ordinary_page_is_handed_on_as_it_is() -> None:
    page = np.zeros((1754, 1240, 3), np.uint8)

    raster, scale = bounded(page)
    assert raster is page
    assert scale.tolist() == [1, 1]
