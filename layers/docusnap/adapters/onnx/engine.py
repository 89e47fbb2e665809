"""The engine in this process: rasters in, recognised pages out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from docusnap.adapters import models
from docusnap.adapters.onnx.crops import aspect, readings
from docusnap.adapters.onnx.detector import Detector, Quad
from docusnap.adapters.onnx.lines import as_line
from docusnap.adapters.onnx.recogniser import Reading, Recogniser
from docusnap.adapters.onnx.session import Session
from docusnap.errors import EngineFailed
from docusnap.model import Line, PageRaster, RecognisedPage
from docusnap.ocr.reading_order import arrange
from docusnap.ports import Clock

LEGIBLE = 0.5  # mean confidence below which a reading is noise (a texture, a logo), not text
PIECES = 64  # quads cut out at once: a page may hold thousands, and their rasters together weigh as much as it


class OnnxEngine:
    """PP-OCR models on ONNX Runtime. Models are loaded at the first page. Safe to ask from several threads.

    Cost: 30 MB of model files, about half a gigabyte of memory beside the page itself.
    """

    def __init__(self, model_dir: Path | None = None, threads: int | None = None, device: str = "auto") -> None:
        """`threads`: within one network; None takes all cores. `device`: auto, cpu or cuda.

        Raises: ConfigurationError when a model file is missing.
        """
        self._folder = folder = models.locate(model_dir)
        self.info = models.info()
        self._detector = Detector(Session(folder / models.DETECTOR.name, threads, device))
        self._recogniser = Recogniser(Session(folder / models.RECOGNISER.name, threads, device))

    def recognise(self, pages: Iterable[PageRaster], *, clock: Clock | None = None) -> Iterator[RecognisedPage]:  # noqa: ARG002  the port's; a page in this process cannot be broken off
        """One result per raster, in order. Raises: EngineFailed, never an empty page instead."""
        for page in pages:
            yield self._page(page)

    def warm(self) -> None:
        """Check and load the models now instead of at the first page. Raises: EngineFailed."""
        try:
            models.verify(self._folder)
            self._detector.warm()
            self._recogniser.warm()
        except Exception as exc:
            raise EngineFailed(f"The models could not be loaded: {exc}") from exc

    def close(self) -> None:
        """Nothing is held but memory."""

    def _page(self, page: PageRaster) -> RecognisedPage:
        try:
            pixels = np.frombuffer(page.pixels, np.uint8).reshape(page.height, page.width, 3)
            layout = arrange(self._lines(pixels))
        except Exception as exc:  # whatever NumPy, OpenCV and ONNX Runtime raise is one thing to the pipeline
            raise EngineFailed(f"The recogniser reported an error on this page: {type(exc).__name__}: {exc}", page=page.number) from exc
        return RecognisedPage(page.number, "ocr", page.width, page.height, page.dpi, 0, layout.lines, layout.blocks)

    def _lines(self, pixels: NDArray[np.uint8]) -> list[Line]:
        quads = sorted(self._detector.detect(pixels), key=aspect)  # like lengths share a batch
        lines: list[Line] = []
        for start in range(0, len(quads), PIECES):
            lines += self._read(pixels, quads[start : start + PIECES])
        return lines

    def _read(self, pixels: NDArray[np.uint8], quads: Sequence[Quad]) -> Iterator[Line]:
        ways = [(number, raster, turned) for number, quad in enumerate(quads) for raster, turned in readings(pixels, quad)]
        best: dict[int, tuple[Reading, bool]] = {}
        for (number, _, turned), reading in zip(ways, self._recogniser.read([raster for _, raster, _ in ways]), strict=True):
            if number not in best or reading.confidence > best[number][0].confidence:
                best[number] = reading, turned
        for number, (reading, turned) in best.items():
            if reading.text.strip() and reading.confidence >= LEGIBLE:
                yield as_line(reading, quads[number], downwards=turned)
