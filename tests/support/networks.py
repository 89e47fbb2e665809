"""The engine's networks one by one, on the real models, as it loads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from docusnap.adapters import models
from docusnap.adapters.onnx.crops import cut
from docusnap.adapters.onnx.detector import Detector, Quad
from docusnap.adapters.onnx.faster import run_faster
from docusnap.adapters.onnx.graph import Change, take_grey
from docusnap.adapters.onnx.recogniser import Batching, Recogniser
from docusnap.adapters.onnx.session import Session
from docusnap.adapters.onnx.survey import survey
from docusnap.model import ModelFile
from numpy.typing import NDArray


def session(model: ModelFile, *changes: Change, faster: bool = True) -> Session:
    """`faster`: as a CPU is given it, and not a GPU."""
    return Session(models.default_dir() / model.name, 1, changes=(run_faster, *changes) if faster else changes)


def recogniser(careful: bool = False, batching: Batching | None = None, *, faster: bool = True) -> Recogniser:
    model = models.RECOGNISER if careful else models.QUICK_RECOGNISER
    alphabet = None if careful else models.default_dir() / models.QUICK_ALPHABET.name
    grey = None if careful else session(model, take_grey, faster=faster)
    return Recogniser(session(model, faster=faster), alphabet, grey=grey, batching=batching)


def lines_of(sheet: NDArray[np.uint8], key: Callable[[Quad], Any] | None = None) -> list[NDArray[Any]]:
    """Rasters of what the quick detector finds, in no order or by `key`."""
    found = Detector(session(models.QUICK_DETECTOR)).detect(sheet, survey(sheet))
    return [cut(sheet, quad) for quad in (sorted(found, key=key) if key else found)]
