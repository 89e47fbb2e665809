"""What the networks run on: decided without loading ONNX Runtime, so that a readiness check can ask too."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache

from docusnap.errors import ConfigurationError

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
GPU_BUILD = "onnxruntime-gpu"
BUILDS = (GPU_BUILD, "onnxruntime")  # the same package by two names; one of them is installed
DRIVER = "libcuda.so.1"


def build() -> tuple[str, str]:
    """The name and version of the ONNX Runtime that is installed.

    Raises: ConfigurationError where there is none.
    """
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  a twentieth of the engine's start, which does not ask

    for name in BUILDS:
        try:
            return name, version(name)
        except PackageNotFoundError:
            continue
    raise ConfigurationError("ONNX Runtime is not installed: install requirements/ocr.txt, or requirements/ocr-gpu.txt for CUDA.")


@cache
def cuda_devices() -> int:
    """How many CUDA devices the driver shows to this process; 0 without a driver.

    The driver is asked, not ONNX Runtime, which fills the log with errors where there is none.
    """
    try:
        driver = ctypes.CDLL(DRIVER)
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


def choose(wanted: str, *, cuda_built: bool, devices: Callable[[], int] = cuda_devices) -> list[str]:
    """The execution providers, best first. `wanted`: auto, cpu or cuda (OCR_DEVICE); `cuda_built`: ONNX Runtime has the provider.

    Raises: ConfigurationError where cuda is wanted and cannot be had.
    """
    if wanted == "cpu":
        return [CPU]
    if not cuda_built:
        if wanted == "cuda":
            raise ConfigurationError(
                "OCR_DEVICE is cuda, but this ONNX Runtime is built for the CPU only: use the ocr-cuda image, or auto."
            )
        return [CPU]
    if devices() > 0:
        return [CUDA, CPU]
    if wanted == "cuda":
        raise ConfigurationError("OCR_DEVICE is cuda, but the driver shows no CUDA device: start the container with one, or use auto.")
    return [CPU]


def check(wanted: str) -> None:
    """Raises: ConfigurationError where OCR_DEVICE cannot be had here."""
    choose(wanted, cuda_built=build()[0] == GPU_BUILD)
