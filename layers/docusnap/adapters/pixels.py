"""A page's raster as the engines take it: grey, height × width, or RGB, height × width × 3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from docusnap.model import PageRaster


def unpacked(page: PageRaster) -> NDArray[np.uint8]:
    """Grey or RGB, as the page is. Raises: ValueError where there are more or fewer bytes than the page says."""
    shape = (page.height, page.width, 3) if page.channels == 3 else (page.height, page.width)
    return np.frombuffer(page.pixels, np.uint8).reshape(shape)


def rgb(found: NDArray[Any]) -> NDArray[np.uint8]:
    return found if found.ndim == 3 else np.asarray(cv2.cvtColor(found, cv2.COLOR_GRAY2RGB), np.uint8)


def grey(found: NDArray[Any]) -> NDArray[np.uint8]:
    return found if found.ndim == 2 else np.asarray(cv2.cvtColor(np.ascontiguousarray(found), cv2.COLOR_RGB2GRAY), np.uint8)


def resized(found: NDArray[Any], size: Sequence[int]) -> NDArray[Any]:
    """To `size`, width and height. Whole steps first: their means take OpenCV a tenth of the time that one step to any size does."""
    whole = min(found.shape[1] // size[0], found.shape[0] // size[1])
    if whole > 1:
        height, width = found.shape[0] // whole, found.shape[1] // whole
        found = cv2.resize(found[: height * whole, : width * whole], (width, height), interpolation=cv2.INTER_AREA)
    return cv2.resize(found, size, interpolation=cv2.INTER_LINEAR if found.shape[1] > size[0] else cv2.INTER_CUBIC)
