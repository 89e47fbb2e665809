"""A worker in a process of its own for tests: the real parts, but for a recogniser that takes its time. Run as a module.

Its arguments: seconds a page, and the page that it holds (0: none) from when it has written the file named third until that is removed.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from docusnap import errors
from docusnap.bootstrap import Parts
from docusnap.hosts import stop
from docusnap.model import EngineInfo, Line, PageRaster, RecognisedPage
from docusnap.ports import Clock

BOX = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))


class SlowEngine:
    """Reads of every page which process read it."""

    info = EngineInfo("slow", "1")

    def __init__(self, seconds: float, held: int, mark: Path) -> None:
        self._seconds, self._held, self._mark = seconds, held, mark

    def recognise(self, pages: Iterable[PageRaster], *, clock: Clock | None = None) -> Iterator[RecognisedPage]:
        for page in pages:
            time.sleep(self._seconds)
            if page.number == self._held:
                self._hold(clock)
            yield RecognisedPage(page.number, "ocr", page.width, page.height, page.dpi, 0, (Line(f"by {os.getpid()}", 1.0, BOX),))

    def _hold(self, clock: Clock | None) -> None:
        self._mark.touch()
        while self._mark.exists():
            time.sleep(0.05)
            if clock is not None and clock.stopping():
                raise errors.Interrupted

    def close(self) -> None:
        """Nothing is held."""


def main(seconds: str, held: str, mark: str) -> None:
    stop.on_signals()
    parts = Parts(os.environ)
    parts.__dict__["engine"] = SlowEngine(float(seconds), int(held), Path(mark))
    with stop.Deadline(50, "test") as clock:
        print(json.dumps(parts.worker.run(clock)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
