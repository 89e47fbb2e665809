"""What the networks run on: the choice, and what is said where the wanted device cannot be had."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from docusnap import errors
from docusnap.adapters import models
from docusnap.adapters.engine_process import EngineProcess
from docusnap.adapters.onnx import device
from docusnap.adapters.onnx.session import Session

from tests.support.engine import changed

CPU_BUILD, GPU_BUILD = False, True


@pytest.mark.parametrize(
    ("wanted", "build", "devices", "providers"),
    [
        ("auto", CPU_BUILD, 0, [device.CPU]),
        ("auto", CPU_BUILD, 1, [device.CPU]),
        ("auto", GPU_BUILD, 0, [device.CPU]),
        ("auto", GPU_BUILD, 2, [device.CUDA, device.CPU]),
        ("cuda", GPU_BUILD, 1, [device.CUDA, device.CPU]),
        ("cpu", GPU_BUILD, 1, [device.CPU]),
        ("cpu", CPU_BUILD, 0, [device.CPU]),
    ],
)
def test_a_device_is_taken_where_the_build_and_the_driver_have_one(wanted: str, build: bool, devices: int, providers: list[str]) -> None:
    assert device.choose(wanted, cuda_built=build, devices=lambda: devices) == providers


@pytest.mark.parametrize(("build", "devices", "why"), [(CPU_BUILD, 1, "built for the CPU only"), (GPU_BUILD, 0, "shows no CUDA device")])
def test_a_device_that_is_wanted_and_cannot_be_had_is_a_sentence(build: bool, devices: int, why: str) -> None:
    with pytest.raises(errors.ConfigurationError, match=why):
        device.choose("cuda", cuda_built=build, devices=lambda: devices)


def test_a_worker_that_wants_cuda_from_the_build_for_cpus_does_not_start() -> None:
    with pytest.raises(errors.ConfigurationError, match="use the ocr-cuda image, or auto"):
        EngineProcess(changed(ocr_device="cuda"))


def test_a_network_that_wants_cuda_from_the_build_for_cpus_is_not_loaded() -> None:
    with pytest.raises(errors.ConfigurationError, match="built for the CPU only"):
        _ = Session(models.default_dir() / models.DETECTOR.name, wanted="cuda").loaded


def test_a_network_runs_where_the_choice_says() -> None:
    assert Session(models.default_dir() / models.DETECTOR.name).loaded.get_providers() == [device.CPU]


def test_a_machine_without_the_driver_has_no_device_and_says_nothing() -> None:
    program = "from docusnap.adapters.onnx import device; device.DRIVER = 'libno-such-driver.so.1'; print(device.cuda_devices())"

    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_onnx_runtime_writes_no_identity_of_this_machine_and_so_reports_nothing(tmp_path: Path) -> None:
    program = "from docusnap.adapters.onnx.engine import OnnxEngine; OnnxEngine().warm()"

    # Not what a test of it would set (CI, …): only what a child of the worker has.
    subprocess.run([sys.executable, "-c", program], check=True, env={"HOME": str(tmp_path), "PYTHONPATH": ":".join(filter(None, sys.path))})
    assert list(tmp_path.rglob("*")) == []
