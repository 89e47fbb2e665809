"""The layer: small enough, without what only `ocr` needs, and all that the zip functions import."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.deployments import ROOT

LAYER = ROOT / ".cache/layer"
ZIPPED = ("upload", "query", "intake", "sweep")
LAMBDA_BYTES = 250 * 2**20  # unpacked, a function and its layers together
ONLY_OCR = {"onnxruntime", "numpy", "cv2", "PIL", "pillow_heif", "pypdfium2"}

CHILD = """
import json, sys, time
sys.path[:0] = sys.argv[1:]
began = time.perf_counter()
import app
imported = time.perf_counter() - began
from docusnap.bootstrap import parts
p = parts()
p.settings, p.ledger, p.store, p.waker
import docusnap.adapters.sns
files = [m.__file__ for m in list(sys.modules.values()) if getattr(m, "__file__", None)]
print(json.dumps({"import": imported, "parts": time.perf_counter() - began, "files": files, "boto3": sys.modules["boto3"].__version__}))
"""
ENVIRONMENT = {
    "AWS_LAMBDA_FUNCTION_NAME": "docusnap",
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "token",
    "DATABASE_URL": "postgresql://user:password@database.invalid:5432/docusnap",
    "S3_ENDPOINT_URL": "https://s3.eu-central-1.amazonaws.com",
    "OCR_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/ocr",
    "PYTHONDONTWRITEBYTECODE": "1",
}


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", ZIPPED)
def test_a_function_with_the_layer_fits_into_lambda(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    size = size_of(LAYER) + size_of(ROOT / "functions" / name)
    with capsys.disabled():
        print(f"\n{name} with the layer: {size / 2**20:.0f} MiB of 250")
    assert size < LAMBDA_BYTES


def test_the_layer_has_nothing_that_only_ocr_needs() -> None:
    names = {path.name for path in (LAYER / "python").iterdir()}
    assert {"docusnap", "chalice", "boto3", "psycopg2"} <= names
    assert not names & ONLY_OCR
    assert not [name for name in names if name.lower().startswith(("onnx", "numpy", "opencv", "pillow"))]


def test_every_module_of_the_layer_comes_compiled() -> None:
    """Else each cold start would compile them: /opt cannot be written to."""
    sources = [path for path in (LAYER / "python").rglob("*.py") if path.name.isidentifier() or path.stem.isidentifier()]
    missing = [path for path in sources if not (path.parent / "__pycache__" / f"{path.stem}.cpython-311.pyc").exists()]
    assert len(sources) > 1000
    assert not missing


@pytest.mark.parametrize("name", ZIPPED)
def test_a_function_needs_nothing_but_the_layer_and_its_folder(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = [sys.executable, "-I", "-S", "-B", "-c", CHILD, str(ROOT / "functions" / name), str(LAYER / "python")]
    run = subprocess.run(command, cwd="/", env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    with capsys.disabled():
        print(f"\n{name}: app in {told['import']:.2f} s, with its clients in {told['parts']:.2f} s, boto3 {told['boto3']}")
    homes = (str(LAYER), str(ROOT / "functions" / name), sys.base_prefix)
    assert not [file for file in told["files"] if not file.startswith(homes)]
    assert any(file.startswith(f"{LAYER}/python/boto3") for file in told["files"])
