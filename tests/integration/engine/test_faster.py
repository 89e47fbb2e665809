"""The networks as they are loaded on a CPU answer as the files do."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import onnxruntime
import pytest
from docusnap.adapters import models
from docusnap.adapters.onnx.detector import INK, MEAN
from docusnap.adapters.onnx.faster import run_faster
from docusnap.adapters.onnx.graph import Change, changed, parsed_model, take_grey
from docusnap.adapters.onnx.recogniser import HEIGHT
from docusnap.adapters.onnx.session import Session
from docusnap.model import ModelFile
from numpy.typing import NDArray
from PIL import Image

from tests.support.engine import page
from tests.support.lettering import pixels
from tests.support.networks import lines_of

RECOGNISERS, DETECTORS = (models.QUICK_RECOGNISER, models.RECOGNISER), (models.QUICK_DETECTOR, models.DETECTOR)
ALL = (*RECOGNISERS, *DETECTORS, models.ORIENTATION)
# How many there are in the file, and in what is made of it.
DETECTING = {
    "Erf": (13, 0),
    "Gelu": (0, 13),
    "ReduceMean": (5, 0),
    "MaxPool": (1, 14),
    "Concat": (2, 0),
    "ConvTranspose": (2, 0),
    "DepthToSpace": (0, 1),
}
COUNTS = {
    models.QUICK_RECOGNISER: {
        "Erf": (10, 0),
        "Gelu": (0, 10),
        "ReduceMean": (3, 0),
        "MaxPool": (0, 3),
        "Squeeze": (3, 1),
        "Unsqueeze": (2, 0),
        "Transpose": (3, 1),
        "Add": (52, 41),
        "AveragePool": (1, 2),
    },
    models.RECOGNISER: {
        "Erf": (13, 0),
        "Gelu": (0, 13),
        "ReduceMean": (15, 10),
        "MaxPool": (1, 6),
        "AveragePool": (1, 2),
        "Concat": (3, 2),
    },
    models.QUICK_DETECTOR: DETECTING,
    models.DETECTOR: DETECTING,
    models.ORIENTATION: {"Gelu": (0, 0), "MaxPool": (0, 2)},
}


def named(model: ModelFile) -> str:
    return model.name


def content(model: ModelFile) -> bytes:
    return (models.default_dir() / model.name).read_bytes()


def operators(model: bytes) -> Counter[str]:
    return Counter(node.op_type for node in parsed_model(model).graph.node)


def loaded(model: ModelFile, *changes: Change) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    session = onnxruntime.InferenceSession(changed(content(model), changes).SerializeToString(), providers=["CPUExecutionProvider"])
    return lambda values: np.asarray(session.run(None, {"x": values})[0])


def shown(line: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A line as the recognisers see it."""
    scaled = Image.fromarray(line).convert("L").resize((8 * (line.shape[1] * HEIGHT // line.shape[0] // 8), HEIGHT))
    return np.repeat(np.asarray(scaled, np.float32)[None, None] / 127.5 - 1, 3, axis=1)


@pytest.fixture(scope="module")
def lines() -> list[NDArray[np.float32]]:
    return [shown(line) for name in ("two-columns", "chinese") for line in lines_of(pixels(page(name)))[:6]]


def rasters(name: str) -> Iterator[NDArray[np.float32]]:
    """A page as the detectors see it, high and wide."""
    for size in ((608, 864), (864, 608)):
        scaled = np.asarray(Image.fromarray(pixels(page(name))).convert("RGB").resize(size), np.float32) / 255
        yield (scaled.transpose(2, 0, 1) - MEAN)[None] / np.float32(0.225)


@pytest.mark.parametrize("model", RECOGNISERS, ids=named)
def test_recognisers_tell_the_same_with_almost_the_same_certainty(lines: list[NDArray[np.float32]], model: ModelFile) -> None:
    as_it_is, faster = loaded(model), loaded(model, run_faster)
    for line in lines:
        before, after = as_it_is(line), faster(line)

        assert (after.argmax(axis=2) == before.argmax(axis=2)).all()
        assert (after.argmax(axis=2) > 0).sum() > 5
        assert np.abs(after - before).max() < 0.05  # of a step in doubt
        assert np.abs(after - before).mean() < 1e-5


@pytest.mark.parametrize("model", DETECTORS, ids=named)
@pytest.mark.parametrize("name", ["two-columns", "form"])
def test_detectors_see_the_same(model: ModelFile, name: str) -> None:
    as_it_is, faster = loaded(model), loaded(model, run_faster)
    for raster in rasters(name):
        before, after = as_it_is(raster), faster(raster)

        assert before.max() > 0.9
        assert after.shape == before.shape
        assert np.abs(after - before).max() < 0.02  # at the edges of lines
        assert ((after > INK) != (before > INK)).mean() < 1e-4


@pytest.mark.parametrize("model", ALL, ids=named)
def test_each_change_finds_what_it_is_for(model: ModelFile) -> None:
    before, after = operators(content(model)), operators(changed(content(model), [run_faster]).SerializeToString())

    assert {kind: (before[kind], after[kind]) for kind in COUNTS[model]} == COUNTS[model]
    assert after["Identity"] == 0


def test_the_way_up_is_told_the_same() -> None:
    seen = np.asarray(Image.fromarray(pixels(page("two-columns"))).convert("RGB").resize((224, 224)), np.float32) / 127.5 - 1
    for quarters in range(4):
        values = np.ascontiguousarray(np.rot90(seen, quarters).transpose(2, 0, 1))[None]
        assert np.abs(loaded(models.ORIENTATION, run_faster)(values) - loaded(models.ORIENTATION)(values)).max() < 1e-4


@pytest.mark.parametrize("model", ALL, ids=named)
def test_onnx_runtime_has_nothing_to_say_of_them(model: ModelFile, capfd: pytest.CaptureFixture[str]) -> None:
    onnxruntime.InferenceSession(changed(content(model), [run_faster]).SerializeToString(), providers=["CPUExecutionProvider"])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("model", RECOGNISERS, ids=named)
@pytest.mark.parametrize("changes", [(take_grey,), (run_faster, take_grey)], ids=["as-it-is", "faster"])
def test_one_channel_says_what_three_alike_say(lines: list[NDArray[np.float32]], model: ModelFile, changes: tuple[Change, ...]) -> None:
    three, one = loaded(model, *changes[:-1]), loaded(model, *changes)
    for line in lines[:3]:
        assert np.abs(one(line[:, :1]) - three(line)).max() < 1e-3


@pytest.mark.parametrize("model", RECOGNISERS, ids=named)
def test_constants_apart_from_the_model_are_those_that_were_in_it(lines: list[NDArray[np.float32]], model: ModelFile) -> None:
    whole, apart = loaded(model, run_faster), Session(models.default_dir() / model.name, changes=[run_faster])
    apart.run(lines[0])
    gc.collect()
    rubbish = [np.full(1 << 14, np.nan) for _ in range(200)]  # where constants were that nobody keeps
    for line in lines[:3]:
        assert (apart.run(line) == whole(line)).all()
    assert len(rubbish) == 200


def test_a_model_that_takes_grey_already_is_refused() -> None:
    with pytest.raises(ValueError, match="three channels"):
        changed(content(models.QUICK_RECOGNISER), [take_grey, take_grey])
