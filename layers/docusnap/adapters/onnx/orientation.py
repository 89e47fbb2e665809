"""Which way up a page is."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from docusnap.adapters.onnx.session import Session
from docusnap.adapters.pixels import resized, rgb

SHORT, SIDE = 256, 224  # pixels: the short side of the raster, and the square cut out of its middle
MEAN = np.array([0.485, 0.456, 0.406], np.float32).reshape(3, 1, 1)  # ImageNet's
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32).reshape(3, 1, 1)
TURNS = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}


class Orientation:
    """Tells how a page must be turned. Safe to ask from several threads."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def warm(self) -> None:
        _ = self._session.loaded

    def quarters(self, page: NDArray[np.uint8]) -> tuple[int, float]:
        """How many quarter turns counter-clockwise make the page (grey or RGB) upright, and how likely, 0 to 1."""
        likely = self._session.run(_normalised(page))[0]
        return int(likely.argmax()), float(likely.max())


def turned(page: NDArray[np.uint8], quarters: int) -> NDArray[np.uint8]:
    """The page after so many quarter turns counter-clockwise."""
    return np.asarray(cv2.rotate(page, TURNS[quarters]), np.uint8) if quarters else page


def _normalised(page: NDArray[np.uint8]) -> NDArray[np.float32]:
    middle = _square(page, min(page.shape[:2]))  # before it is resized: a strip would become millions of pixels long
    planes = rgb(_square(resized(middle, (SHORT, SHORT)), SIDE)).transpose(2, 0, 1)
    values: NDArray[np.float32] = (planes * np.float32(1 / 255) - MEAN) / DEVIATION
    return values[None]


def _square(page: NDArray[Any], side: int) -> NDArray[Any]:
    top, left = (page.shape[0] - side) // 2, (page.shape[1] - side) // 2
    return page[top : top + side, left : left + side]
