"""The CUDA image on a machine without a device: what it chooses, that it reads, and what it says where a device is wanted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import requests

from tests.acceptance.homes.base import ROOT
from tests.support.containers import HARDENED, image, podman
from tests.support.ports import free_port
from tests.support.waiting import eventually
from tests.system_tests.images.conftest import NOWHERE, words

CHOICE = """
import json, sys
from docusnap.adapters.onnx import device, session
import onnxruntime
print(json.dumps([device.build()[0], onnxruntime.get_available_providers(), session.chosen("auto")]))
"""
READ = """
from PIL import Image
from docusnap import settings
from docusnap.adapters.engine_process import EngineProcess
from docusnap.model import PageRaster
import os
page = Image.open("/app/layers/docusnap/sample/page.png").convert("RGB")
engine = EngineProcess(settings.load(os.environ))
print(engine.info.version.partition("+")[2].rpartition(".")[0].split(".")[0])
print(next(engine.recognise([PageRaster(1, page.width, page.height, 150, page.tobytes())])).text)
engine.close()
"""


def run(program: str) -> tuple[str, str]:
    """What it printed, and what it complained of."""
    options = ("--rm", "--read-only", "--network", "none", "--no-healthcheck", *words(NOWHERE))
    done = podman("run", *options, image("ocr-cuda"), "python", "-c", program)
    return done.stdout, done.stderr


def test_the_build_for_cuda_is_there_and_takes_the_cpu_where_there_is_no_device() -> None:
    told, complained = run(CHOICE)
    build, available, chosen = json.loads(told)

    assert build == "onnxruntime-gpu"
    assert "CUDAExecutionProvider" in available
    assert chosen == ["CPUExecutionProvider"]
    assert complained == ""


def test_the_sample_page_is_read_without_a_device_and_without_complaint() -> None:
    told, complained = run(READ)

    assert told == "onnxruntime-gpu\n" + (ROOT / "layers/docusnap/sample/page.txt").read_text("utf-8").rstrip("\n") + "\n"
    assert complained == ""


def test_a_container_that_wants_a_device_and_has_none_does_not_get_ready_and_says_why(tmp_path: Path) -> None:
    port = free_port()
    environ = {**NOWHERE, "HOST": "127.0.0.1", "PORT": str(port), "OCR_DEVICE": "cuda"}
    name = f"docusnap-test-cuda-{port}"
    podman("run", "--detach", "--name", name, *HARDENED, "--no-healthcheck", *words(environ), image("ocr-cuda"))
    try:
        answer = eventually(lambda: asked(f"http://127.0.0.1:{port}/_/ready"), "the probe is answered", 30)
        assert (answer["status"], answer["code"]) == (503, "unavailable")
        assert "OCR_DEVICE is cuda, but the driver shows no CUDA device" in answer["detail"]
        assert requests.get(f"http://127.0.0.1:{port}/_/health", timeout=5).status_code == 200
    finally:
        podman("rm", "--force", "--time", "0", name)


def asked(url: str) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = requests.get(url, timeout=5).json()
    except requests.ConnectionError:
        return {}
    return answer
