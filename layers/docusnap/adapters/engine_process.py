"""Recognition in a lasting child process: its death costs one failure on the page it held, and the next page gets a fresh child."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from docusnap import errors
from docusnap.adapters import models
from docusnap.adapters.child import Child, ChildDied, ChildFailed, ChildTimeout, Header, serve
from docusnap.adapters.postgres.pages import page_from_json, page_to_json
from docusnap.model import PageRaster, RecognisedPage
from docusnap.ports import Clock
from docusnap.settings import Settings

START_SECONDS = 30.0  # imports and models, on a busy machine


class EngineProcess:
    """One recogniser for all threads of a process; they take turns."""

    def __init__(self, settings: Settings) -> None:
        """Raises: ConfigurationError when a model file is missing. Starts nothing."""
        self._folder = models.locate(settings.ocr_model_dir)
        self._seconds = settings.page_seconds
        self.info = models.info()
        self._turn = threading.Lock()
        self._child: Child | None = None

    def warm(self) -> None:
        """Start the child, which loads the models by itself; does not wait for it."""
        with self._turn:
            self._living()

    def recognise(self, pages: Iterable[PageRaster], *, clock: Clock | None = None) -> Iterator[RecognisedPage]:
        """One result per raster, in order. Raises: EngineCrashed, EngineFailed, PageTimeout, Interrupted."""
        for page in pages:
            with self._turn:
                yield self._ask(page, clock)

    def close(self) -> None:
        with self._turn:
            if self._child is not None:
                self._child.close()
                self._child = None

    def _living(self) -> Child:
        if self._child is None or not self._child.alive:
            if self._child is not None:
                self._child.close()
            self._child = Child(["-m", __name__, str(self._folder)], memory_bytes=None, threads=8)
        return self._child

    def _ask(self, page: PageRaster, clock: Clock | None) -> RecognisedPage:
        header: dict[str, Any] = asdict(page)
        del header["pixels"]
        child = self._living()
        try:
            child.ask({"warm": True}, timeout=START_SECONDS, clock=clock)
            answer, _ = child.ask(header, page.pixels, timeout=self._seconds, clock=clock)
        except ChildTimeout as exc:
            raise errors.PageTimeout(page=page.number) from exc
        except ChildDied as exc:
            raise errors.EngineCrashed(str(exc), page=page.number) from exc
        except (ChildFailed, errors.DecodedTooLarge) as exc:
            raise errors.EngineFailed(str(exc), page=page.number) from exc
        return page_from_json(page.number, answer)


def _main(folder: Path) -> None:
    from docusnap.adapters.onnx.engine import OnnxEngine  # noqa: PLC0415  the parent never loads ONNX Runtime

    engine = OnnxEngine(folder)
    engine.warm()

    def handle(header: Header, payload: bytes) -> tuple[Header, bytes]:
        if header.get("warm"):
            return {}, b""
        (page,) = engine.recognise([PageRaster(**header, pixels=payload)])
        return page_to_json(page), b""

    serve(handle)


if __name__ == "__main__":
    import sys

    _main(Path(sys.argv[1]))
