"""What the networks alone take: the shapes of all their inputs are noted while some pages are read, and run again back to back."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from docusnap.adapters.onnx.session import Session


class Networks:
    """Stands between the engine and its sessions. Costs nothing that can be measured.

    The second time, the same sessions take noise of the same shapes, in the same order and from as many threads as
    they were asked from at once; what is around them (decoding, cutting, letters, order) is left out.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._asked: list[tuple[Session, tuple[int, ...]]] = []
        self._running = self._at_once = 0
        self._run = run = Session.run

        def noted(session: Session, values: Any, *rest: Any, **named: Any) -> Any:
            with self._lock:
                self._asked.append((session, values.shape))
                self._running += 1
                self._at_once = max(self._at_once, self._running)
            try:
                return run(session, values, *rest, **named)
            finally:
                with self._lock:
                    self._running -= 1

        Session.run = noted  # type: ignore[method-assign,assignment]

    def alone(self) -> Mapping[str, object]:
        """Seconds of all runs since the last time, how many there were of each model, and from how many threads."""
        asked, self._asked = self._asked, []
        noise = np.random.default_rng(1).standard_normal(max(int(np.prod(shape)) for _, shape in asked), np.float32)

        def again(session: Session, shape: tuple[int, ...]) -> None:
            self._run(session, noise[: int(np.prod(shape))].reshape(shape))

        began, used = time.perf_counter(), time.process_time()
        with ThreadPoolExecutor(self._at_once) as pool:
            for _ in pool.map(again, *zip(*asked, strict=True)):
                pass
        seconds, cpu = time.perf_counter() - began, time.process_time() - used
        return {"seconds": seconds, "cpu": cpu, "at_once": self._at_once, "runs": Counter(name(session) for session, _ in asked)}


def name(session: Session) -> str:
    return Path(str(getattr(session, "_path", "network"))).stem
