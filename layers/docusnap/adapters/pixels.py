"""A page's raster as the engines take it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from docusnap.model import PageRaster


def rgb(page: PageRaster) -> NDArray[np.uint8]:
    """Height × width × 3. Raises: ValueError where there are more or fewer bytes than the page says."""
    found = np.frombuffer(page.pixels, np.uint8).reshape(page.height, page.width, page.channels)
    return found if page.channels == 3 else np.asarray(cv2.cvtColor(found, cv2.COLOR_GRAY2RGB), np.uint8)
