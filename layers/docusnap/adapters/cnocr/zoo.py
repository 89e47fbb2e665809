"""Which model files CnOCR runs on, and which CnOCR is installed: told without loading it.

CnOCR is always given its files by their paths. Left to find one it asks a hub, and it deletes the folder in which the file is missing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from docusnap.adapters import models
from docusnap.errors import ConfigurationError
from docusnap.model import EngineInfo, ModelFile

DETECTOR, RECOGNISER = "multi_PP-OCRv6_det_small", "multi_PP-OCRv6_small"
OWN = {DETECTOR: models.DETECTOR, RECOGNISER: models.RECOGNISER}  # what the onnx engine runs on, too
FOLDER = "cnocr"  # of all others, inside the models folder
SUFFIXES = (".onnx", ".ckpt")
PACKAGES = ("cnocr", "rapidocr", "onnxruntime")


@dataclass(frozen=True, slots=True)
class Model:
    name: str  # by which CnOCR knows what to do with the file
    path: Path

    @property
    def file(self) -> ModelFile:
        """Provenance; reads the file. One that is not the project's own may have any name, so the zoo's stands before it."""
        with self.path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return ModelFile(self.path.name if self.name in OWN else f"{self.name}/{self.path.name}", sha256)

    @property
    def backend(self) -> str:
        return "onnx" if self.path.suffix == ".onnx" else "pytorch"

    def verify(self) -> None:
        """Raises: ConfigurationError where a file of the project's own is another one; of others no sha256 is known."""
        if self.name in OWN and self.file != OWN[self.name]:
            raise ConfigurationError(f"{self.path} is not the expected file. Fetch it again with: {models.FETCH} --to {self.path.parent}")


def locate(folder: Path | None, name: str) -> Model:
    """The model that CnOCR knows by this name; looks at names only, `verify` reads the file.

    Raises: ConfigurationError, which says how the file comes there.
    """
    folder = folder or models.default_dir()
    if own := OWN.get(name):
        if not (folder / own.name).is_file():
            raise ConfigurationError(f"{folder} lacks {own.name}. Fetch the models with: {models.FETCH} --to {folder}")
        return Model(name, folder / own.name)
    place = folder / FOLDER / name
    found = sorted(path for path in place.glob("*") if path.suffix in SUFFIXES)
    if len(found) != 1:
        raise ConfigurationError(f"{place} holds {len(found)} model files: put the .onnx or .ckpt file of CnOCR's model {name} there.")
    return Model(name, found[0])


def installed() -> str:
    """What reads, with its versions.

    Raises: ConfigurationError where CnOCR is not installed.
    """
    try:
        return ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    except PackageNotFoundError as exc:
        raise ConfigurationError(
            f"OCR_ENGINE is cnocr, but {exc.name} is not installed: install requirements/cnocr.txt into an environment of its own, "
            "or set OCR_ENGINE to onnx."
        ) from exc


def info(used: Sequence[Model]) -> EngineInfo:
    """Provenance of what CnOCR recognises with these models, whose files are read.

    Raises: ConfigurationError where CnOCR is not installed.
    """
    return EngineInfo("cnocr", installed(), tuple(model.file for model in used))
