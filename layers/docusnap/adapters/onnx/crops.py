"""One line cut out of the full raster, made straight."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from docusnap.adapters.onnx.detector import Quad
from docusnap.adapters.pixels import grey

VERTICAL = 1.5  # height over width from which a rectangle may be a vertical line
FAINT = 60  # of 255, by which ink differs from its ground
CERTAINLY_VERTICAL = 3.0  # between the two it may as well be one narrow letter, so both readings are tried


def size(quad: Quad) -> tuple[float, float]:
    """Width and height in pixels, along the text's own axes."""
    top_left, top_right, bottom_right, bottom_left = quad.tolist()  # a float of Python's own is handled ten times faster
    width = max(math.dist(top_left, top_right), math.dist(bottom_left, bottom_right))
    height = max(math.dist(top_left, bottom_left), math.dist(top_right, bottom_right))
    return width, height


def runs_right(quad: Quad) -> bool:
    """Whether its line runs to the right, more or less: a steep one is no line of an upright page."""
    width, height = size(quad)
    across, along = np.abs(quad[1] - quad[0])
    return bool(height < VERTICAL * width and across > along)


def aspect(quad: Quad) -> float:
    """Length over thickness of the line it holds, whichever way that runs."""
    thickness, length = sorted(size(quad))
    return length / max(thickness, 1.0)


def cut(page: NDArray[np.uint8], quad: Quad) -> NDArray[Any]:
    """The quad as an upright rectangle, grey or RGB as the page is; a view of the page where it stands straight."""
    width, height = (max(1, round(side)) for side in size(quad))
    if width > height and (straight := _straight(quad)) is not None:
        left, top, right, bottom = straight
        return page[top:bottom, left:right]
    # Only the part around the quad is handed to OpenCV: its warp takes no source wider than 32,767 pixels.
    left, top = np.maximum(np.floor(quad.min(axis=0)).astype(int) - 1, 0)
    right, bottom = np.ceil(quad.max(axis=0)).astype(int) + 2
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    warp = cv2.getPerspectiveTransform(quad - np.array([left, top], np.float32), target)
    around = np.ascontiguousarray(page[top:bottom, left:right])
    return cv2.warpPerspective(around, warp, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def _straight(quad: Quad) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom of a rectangle along the page's own axes, in whole pixels; None for one that is turned."""
    top_left, top_right, bottom_right, bottom_left = quad.tolist()
    rises = (abs(top_left[1] - top_right[1]), abs(bottom_left[1] - bottom_right[1]))
    leans = (abs(top_left[0] - bottom_left[0]), abs(top_right[0] - bottom_right[0]))
    if max(*rises, *leans) >= 1:
        return None
    left, top = map(math.floor, top_left)
    right, bottom = map(math.ceil, bottom_right)
    return left, top, max(right, left + 1), max(bottom, top + 1)


def readings(page: NDArray[np.uint8], quad: Quad) -> list[tuple[NDArray[Any], bool]]:
    """The ways to read a quad: the raster of each, and whether it was turned because the line is vertical.

    A vertical line is turned counter-clockwise, so that its top comes to the left, as the recogniser learnt it.
    """
    width, height = size(quad)
    upright = cut(page, quad)
    if height < VERTICAL * width:
        return [(upright, False)]
    turned = (np.ascontiguousarray(np.rot90(upright)), True)
    return [turned] if height >= CERTAINLY_VERTICAL * width else [(upright, False), turned]


def ink(raster: NDArray[Any]) -> NDArray[np.bool_]:
    """Where there is ink, height × width, dark on light or light on dark."""
    seen = grey(raster).astype(np.int16)
    return np.asarray(np.abs(seen - np.median(seen)) > FAINT)
