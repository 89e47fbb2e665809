"""ONNX Runtime: one model file, loaded when it is first asked, on the best provider that the machine has."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray


def cores() -> int:
    """The cores this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def providers() -> list[str]:
    """What to run on, best first. The one place to add CUDA and OpenVINO to, by what the machine has."""
    return ["CPUExecutionProvider"]


class Session:
    """A model with one input and one output. Safe to ask from several threads."""

    def __init__(self, path: Path, threads: int | None = None) -> None:
        self._path, self._threads = path, threads or cores()
        self._lock = Lock()
        self._loaded: Any = None

    def run(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """The network's output for a batch. Raises whatever ONNX Runtime raises; the engine translates."""
        output: NDArray[np.float32] = self.loaded.run(None, {"x": values})[0]
        return output

    def metadata(self, key: str) -> str:
        return str(self.loaded.get_modelmeta().custom_metadata_map[key])

    @property
    def loaded(self) -> Any:
        with self._lock:
            if self._loaded is None:
                self._loaded = onnxruntime.InferenceSession(str(self._path), self._options(), providers=providers())
            return self._loaded

    def _options(self) -> Any:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        # Every page and line has another shape: the arena and its patterns would keep the largest of each for ever.
        options.enable_cpu_mem_arena = False
        options.enable_mem_pattern = False
        # Threads that wait for work by spinning take a fifth more CPU time, from the decoder and the database beside them.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        return options
