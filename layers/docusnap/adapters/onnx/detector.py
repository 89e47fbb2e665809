"""Where the text stands: a text detector (DB) on a raster that fits the type, and its probability map turned into rectangles."""

from __future__ import annotations

import math
from collections.abc import Iterator
from operator import itemgetter
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from docusnap.adapters.onnx.session import Session
from docusnap.adapters.onnx.survey import Survey
from docusnap.adapters.pixels import resized

Quad = NDArray[np.float32]  # 4 × 2 corners in pixels, clockwise from the one nearest the page's top left

LETTER = 8.0  # pixels a small letter keeps on the raster: with 6 and fewer, lines get lost
ENLARGED = 2.0  # at most: small type on a coarse raster gains from it
MAX_AREA = 3.2e6  # pixels of the raster. Area and not the longest side, so that a long receipt keeps its width
MARGIN = 24  # pixels of the raster left around the ink
ENLARGED_AREA = 1.2e6  # pixels to which a smaller picture is enlarged at most: the careful network takes 250 bytes for each
STRIDE = 32  # the network halves its raster five times
MEAN = np.array([0.485, 0.456, 0.406], np.float32).reshape(3, 1, 1)  # ImageNet's, in the order of the channels as fed (blue first)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32).reshape(3, 1, 1)
INK = 0.3  # probability from which a pixel belongs to text
LIKELY = 0.55  # mean probability from which a rectangle is text
UNCLIP = 1.6  # the network marks the core of a line: grow it by area × this / perimeter
SMALLEST = 3.0  # pixels of the bounded raster


class Detector:
    """Text rectangles of one page. Safe to ask from several threads."""

    def __init__(self, careful: Session, quick: Session | None = None) -> None:
        """`quick`: for text on paper, where it finds as much; on photographs `careful` finds more."""
        self._careful, self._quick = careful, quick or careful

    def warm(self) -> None:
        _ = self._careful.loaded, self._quick.loaded

    def detect(self, page: NDArray[np.uint8], seen: Survey) -> list[Quad]:
        """`page`: grey or RGB. Returns quads in the page's own pixels, in no order."""
        if seen.empty:
            return []
        raster, origin, scale = fitting(page, seen)
        session = self._quick if seen.paper else self._careful
        probability = session.run(_normalised(raster))[0, 0]
        limit = np.array([page.shape[1], page.shape[0]], np.float32)
        return [np.clip(quad * scale + origin, 0, limit).astype(np.float32) for quad in quads(probability)]


def fitting(page: NDArray[np.uint8], seen: Survey) -> tuple[NDArray[Any], NDArray[np.float32], NDArray[np.float32]]:
    """The inked part of the page at a size that shows its type, both sides multiples of the network's stride.

    Returns the raster, where on the page it begins, and how many of the page's pixels one of its is wide and high.
    """
    shrink = min(ENLARGED, LETTER / seen.letter) if seen.letter else 1.0
    margin = math.ceil(MARGIN / shrink)
    part = seen.inked(page, margin)
    height, width = part.shape[:2]
    most = min(MAX_AREA, max(ENLARGED_AREA, height * width))
    shrink = min(shrink, math.sqrt(most / (height * width)))
    size = [max(STRIDE, round(side * shrink / STRIDE) * STRIDE) for side in (width, height)]
    raster = resized(part, size)
    origin = np.array([max(0, seen.left - margin), max(0, seen.top - margin)], np.float32)
    return raster, origin, np.array([width / size[0], height / size[1]], np.float32)


def _normalised(raster: NDArray[Any]) -> NDArray[np.float32]:
    planes = np.ascontiguousarray(raster.transpose(2, 0, 1)[::-1]) if raster.ndim == 3 else raster  # all three alike
    values: NDArray[np.float32] = planes * (1 / (255 * DEVIATION)) - MEAN / DEVIATION
    return values[None]


def quads(probability: NDArray[np.float32]) -> Iterator[Quad]:
    """Rectangles, turned as the text is, around every connected area of ink in a probability map."""
    ink = (probability > INK).astype(np.uint8)
    contours, _ = cv2.findContours(ink, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    for contour in contours:
        centre, (width, height), angle = cv2.minAreaRect(contour)
        if min(width, height) < SMALLEST:
            continue
        if _mean_inside(probability, cv2.boxPoints((centre, (width, height), angle))) < LIKELY:
            continue
        grown = 2 * width * height * UNCLIP / (2 * (width + height))
        yield clockwise(cv2.boxPoints((centre, (width + grown, height + grown), angle)))


def _mean_inside(probability: NDArray[np.float32], corners: NDArray[Any]) -> float:
    rows, columns = probability.shape
    across, down = zip(*corners.tolist(), strict=True)  # numbers of Python's own are handled ten times faster
    left, right = (min(max(side, 0), columns - 1) for side in (math.floor(min(across)), math.ceil(max(across))))
    top, bottom = (min(max(side, 0), rows - 1) for side in (math.floor(min(down)), math.ceil(max(down))))
    inside = np.zeros((bottom - top + 1, right - left + 1), np.uint8)
    cv2.fillPoly(inside, [(corners - [left, top]).round().astype(np.int32)], 1)
    return float(cv2.mean(probability[top : bottom + 1, left : right + 1], inside)[0])


def clockwise(corners: NDArray[Any]) -> Quad:
    """The corners clockwise, beginning with the top left one, whatever corner they came with first."""
    by_x = sorted(corners.tolist(), key=itemgetter(0))
    top_left, bottom_left = sorted(by_x[:2], key=itemgetter(1))
    top_right, bottom_right = sorted(by_x[2:], key=itemgetter(1))
    return np.array([top_left, top_right, bottom_right, bottom_left], np.float32)
