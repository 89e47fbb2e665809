"""CnOCR in this process: rasters in, recognised pages out."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Lock
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from docusnap.adapters.cnocr import zoo
from docusnap.adapters.onnx.detector import clockwise
from docusnap.adapters.pixels import rgb, unpacked
from docusnap.errors import EngineFailed
from docusnap.model import Line, PageRaster, Polygon, RecognisedPage
from docusnap.ocr.reading_order import arrange
from docusnap.ports import Clock

# CnOCR enlarges a page until its short side has 736 pixels, whatever its long side becomes (23 GB for 3 × 2,000 pixels), and makes none
# smaller (2.7 GB at 8 megapixels). 1654 × 2339 is A4 at 200 dpi.
MAX_AREA = 1654 * 2339
MAX_RATIO = 12.0  # of the sides: a long receipt's
BATCH = 6  # lines at once, RapidOCR's own number


class CnocrEngine:
    """The CnOCR package, with any detector and recogniser of its zoo. Loaded at the first page. Safe to ask from several threads.

    Lines come without words: CnOCR does not tell where the characters of a line stand.
    Cost: 6.4 GB installed, five seconds to load from a warm disk, 1 GB of memory and up to 2 GB more for a page.
    """

    def __init__(self, model_dir: Path | None = None, detector: str = zoo.DETECTOR, recogniser: str = zoo.RECOGNISER) -> None:
        """`detector`, `recogniser`: names of CnOCR's zoo.

        Raises: ConfigurationError when CnOCR or a model file is missing.
        """
        self._detector, self._recogniser = zoo.locate(model_dir, detector), zoo.locate(model_dir, recogniser)
        self.info = zoo.info([self._detector, self._recogniser])
        self._turn = Lock()  # CnOCR's parts keep what they are at in themselves
        self._loaded: Any = None

    def recognise(self, pages: Iterable[PageRaster], *, clock: Clock | None = None) -> Iterator[RecognisedPage]:  # noqa: ARG002  the port's; a page in this process cannot be broken off
        """One result per raster, in order. Raises: EngineFailed, never an empty page instead."""
        for page in pages:
            yield self._page(page)

    def warm(self) -> None:
        """Check and load the models now instead of at the first page. Raises: EngineFailed."""
        with self._turn:
            self._ready()

    def close(self) -> None:
        """Nothing is held but memory."""

    def _ready(self) -> Any:
        if self._loaded is None:
            try:
                with contextlib.redirect_stdout(sys.stderr):  # a child's stdout is its parent's pipe
                    self._loaded = self._load()
            except ImportError as exc:
                raise EngineFailed(f"CnOCR cannot be loaded: {exc}. Install requirements/cnocr.txt and libGL (Debian's libgl1).") from exc
            except Exception as exc:
                raise EngineFailed(f"The models could not be loaded: {exc}") from exc
        return self._loaded

    def _load(self) -> Any:
        for model in (self._detector, self._recogniser):
            model.verify()
        os.environ["HF_HUB_OFFLINE"] = "1"  # a backstop: no file is ever left to be looked for
        from cnocr import CnOcr  # noqa: PLC0415  who asks for the provenance alone needs no torch

        logging.getLogger("RapidOCR").setLevel(logging.WARNING)
        loaded = CnOcr(
            self._recogniser.name,
            rec_model_fp=str(self._recogniser.path),
            rec_model_backend=self._recogniser.backend,
            rec_root=str(self._recogniser.path.parent),
            det_model_name=self._detector.name,
            det_model_fp=str(self._detector.path),
            det_model_backend=self._detector.backend,
            det_root=str(self._detector.path.parent),
        )
        if loaded.det_model is None:  # CnOCR then takes the page for a few lines, and tells no places
            raise ValueError(f"CnOCR has no detector named {self._detector.name}.")
        return loaded

    def _page(self, page: PageRaster) -> RecognisedPage:
        try:
            pixels = rgb(unpacked(page))
            with self._turn:
                lines = self._lines(pixels)
            layout = arrange(lines)
        except Exception as exc:  # whatever torch, OpenCV and RapidOCR raise is one thing to the pipeline
            raise EngineFailed(f"The recogniser reported an error on this page: {type(exc).__name__}: {exc}", page=page.number) from exc
        return RecognisedPage(page.number, "ocr", page.width, page.height, page.dpi, 0, layout.lines, layout.blocks)

    def _lines(self, pixels: NDArray[np.uint8]) -> list[Line]:
        """What `CnOcr.ocr` does, in its two steps: it says nothing of lines that its recogniser failed on."""
        cnocr = self._ready()
        raster, scale = bounded(pixels)
        found = cnocr.det_model.detect(raster)["detected_texts"]
        read = cnocr.ocr_for_single_lines([one["cropped_img"] for one in found], batch_size=BATCH)
        if len(read) != len(found):
            raise ValueError(f"CnOCR read {len(read)} of {len(found)} lines; its log says why.")
        limit = np.array([pixels.shape[1], pixels.shape[0]], np.float32)
        return [
            Line(text, round(min(max(float(line["score"]), 0.0), 1.0), 4), _polygon(one["box"], scale, limit))
            for one, line in zip(found, read, strict=True)
            if (text := " ".join(line["text"].split()))
        ]


def bounded(page: NDArray[np.uint8]) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """The page at a size that CnOCR can afford, made longer at its right or lower edge where it is a strip; and its scale in x and y."""
    height, width = page.shape[:2]
    room = max(width, height / MAX_RATIO), max(height, width / MAX_RATIO)
    shrink = min(1.0, math.sqrt(MAX_AREA / (room[0] * room[1])))
    size = [max(1, round(side * shrink)) for side in (width, height)]
    right, lower = (max(0, round(wanted * shrink) - side) for wanted, side in zip(room, size, strict=True))
    small = cv2.resize(page, size, interpolation=cv2.INTER_AREA) if shrink < 1 else page
    grown = cv2.copyMakeBorder(small, 0, lower, 0, right, cv2.BORDER_REPLICATE) if right or lower else small
    return grown, np.array([size[0] / width, size[1] / height], np.float32)


def _polygon(box: NDArray[Any], scale: NDArray[np.float32], limit: NDArray[np.float32]) -> Polygon:
    corners = np.clip(clockwise(box.astype(np.float32) / scale), 0, limit)
    return tuple((round(float(x), 1), round(float(y), 1)) for x, y in corners)
