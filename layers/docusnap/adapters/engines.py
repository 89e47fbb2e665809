"""The engine that OCR_ENGINE names: what its child runs and its provenance, told without loading it."""

from __future__ import annotations

from dataclasses import dataclass

from docusnap.adapters import models
from docusnap.adapters.cnocr import zoo
from docusnap.adapters.onnx import device
from docusnap.errors import ConfigurationError
from docusnap.model import EngineInfo
from docusnap.settings import Settings

PROGRAM = ("-m", "docusnap.adapters.engine_process")


@dataclass(frozen=True, slots=True)
class Chosen:
    program: tuple[str, ...]  # arguments of the child's Python: the name of the engine and all that it is built from
    start_seconds: float  # imports and models, on a busy machine
    info: EngineInfo


def check(settings: Settings) -> None:
    """Look whether the engine can be had here; quick enough for a probe.

    Raises: ConfigurationError where a package, a model file or the device is missing.
    """
    if settings.ocr_engine == "cnocr":
        _cnocr_models(settings)
    else:
        models.locate(settings.ocr_model_dir)
        device.check(settings.ocr_device)


def choose(settings: Settings) -> Chosen:
    """Raises: ConfigurationError, as `check` does."""
    check(settings)
    if settings.ocr_engine == "cnocr":
        return _cnocr(settings)
    folder = models.locate(settings.ocr_model_dir)
    return Chosen((*PROGRAM, "onnx", str(folder), settings.ocr_device), 30.0, models.info())


def _cnocr(settings: Settings) -> Chosen:
    detector, recogniser = _cnocr_models(settings)
    program = (*PROGRAM, "cnocr", str(settings.ocr_model_dir or models.default_dir()), detector.name, recogniser.name)
    return Chosen(program, 60.0, zoo.info([detector, recogniser]))  # torch alone takes ten seconds from a cold disk


def _cnocr_models(settings: Settings) -> tuple[zoo.Model, zoo.Model]:
    zoo.installed()
    if settings.ocr_device == "cuda":
        raise ConfigurationError("OCR_DEVICE is cuda, but OCR_ENGINE cnocr runs on the CPU: set OCR_DEVICE to auto, or OCR_ENGINE to onnx.")
    return zoo.locate(settings.ocr_model_dir, settings.cnocr_detector), zoo.locate(settings.ocr_model_dir, settings.cnocr_recogniser)
