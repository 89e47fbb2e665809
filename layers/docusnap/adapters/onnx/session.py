"""ONNX Runtime: one model file, loaded when it is first asked, on the best provider that the machine has."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docusnap.adapters.onnx import device
from docusnap.adapters.onnx.graph import Change, changed, taken_out
from docusnap.errors import ConfigurationError

# Since 1.29 the wheels report their use, model hashes included, to their maker; read once, when the library is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime


def cores() -> int:
    """The cores this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def chosen(wanted: str) -> list[str]:
    """The execution providers, best first. Raises: ConfigurationError, as `device.choose` does."""
    return device.choose(wanted, cuda_built=device.CUDA in onnxruntime.get_available_providers())


class Session:
    """A model with one input and one output. Safe to ask from several threads."""

    def __init__(self, path: Path, threads: int | None = None, wanted: str = "auto", changes: Sequence[Change] = ()) -> None:
        """`wanted`: auto, cpu or cuda (OCR_DEVICE). `changes`: to the file's content, before it is loaded."""
        self._path, self._threads, self._wanted, self._changes = path, threads or cores(), wanted, changes
        self._lock = Lock()
        self._loaded: Any = None
        self._weights: dict[str, Any] = {}  # ONNX Runtime reads them where they are, though its reference says that it copies them

    def run(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """The network's output for a batch. Raises whatever ONNX Runtime raises; the engine translates."""
        output: NDArray[np.float32] = self.loaded.run(None, {"x": values})[0]
        return output

    def metadata(self, key: str) -> str:
        return str(self.loaded.get_modelmeta().custom_metadata_map[key])

    @property
    def loaded(self) -> Any:
        """Raises: ConfigurationError where the device that is wanted cannot be had."""
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> Any:
        providers = chosen(self._wanted)
        model, options = self._model()
        session = onnxruntime.InferenceSession(model, options, providers=providers)
        if self._wanted == "cuda" and device.CUDA not in session.get_providers():
            # The library then takes the CPU by itself, and says why on stderr.
            raise ConfigurationError(
                "OCR_DEVICE is cuda, but ONNX Runtime cannot use the device: check its CUDA and cuDNN in the log above."
            )
        return session

    def _model(self) -> tuple[str | bytes, Any]:
        """As ONNX Runtime takes it, and the options it is loaded with."""
        options = self._options()
        if not self._changes:
            return str(self._path), options
        parsed = changed(self._path.read_bytes(), self._changes)
        self._weights = {name: onnxruntime.OrtValue.ortvalue_from_numpy(values) for name, values in taken_out(parsed).items()}
        options.add_external_initializers(list(self._weights), list(self._weights.values()))
        return parsed.SerializeToString(), options

    def _options(self) -> Any:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        # Every page and line has another shape: the arena and its patterns would keep the largest of each for ever.
        options.enable_cpu_mem_arena = False
        options.enable_mem_pattern = False
        # Threads that wait for work by spinning take a fifth more CPU time, from the decoder and the database beside them.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        return options
