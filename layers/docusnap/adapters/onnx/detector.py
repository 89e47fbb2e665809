"""Where the text stands: a text detector (DB) on a bounded raster, and its probability map turned into rectangles."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from docusnap.adapters.onnx.session import Session

Quad = NDArray[np.float32]  # 4 × 2 corners in pixels, clockwise from the one nearest the page's top left

# 1600 × 1131 is A4 at 137 dpi: 6 pt type keeps the ten pixels of height that the detector needs. Area and not the
# longest side, so that a long receipt keeps its width.
MAX_AREA = 1600 * 1131
STRIDE = 32  # the network halves its raster five times
MEAN = np.array([0.485, 0.456, 0.406], np.float32) * 255  # ImageNet's, in the order of the channels as fed (blue first)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32) * 255
INK = 0.3  # probability from which a pixel belongs to text
LIKELY = 0.55  # mean probability from which a rectangle is text
UNCLIP = 1.6  # the network marks the core of a line: grow it by area × this / perimeter
SMALLEST = 3.0  # pixels of the bounded raster


class Detector:
    """Text rectangles of one page. Safe to ask from several threads."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def warm(self) -> None:
        _ = self._session.loaded

    def detect(self, page: NDArray[np.uint8]) -> list[Quad]:
        """`page`: height × width × 3, RGB. Returns quads in the page's own pixels, in no order."""
        height, width = page.shape[:2]
        raster = bounded(page)
        probability = self._session.run(_normalised(raster))[0, 0]
        scale = np.array([width / raster.shape[1], height / raster.shape[0]], np.float32)
        limit = np.array([width, height], np.float32)
        return [np.clip(quad * scale, 0, limit).astype(np.float32) for quad in quads(probability)]


def bounded(page: NDArray[np.uint8]) -> NDArray[Any]:
    """The page at a size the network can afford, both sides multiples of its stride; never enlarged beyond that rounding."""
    height, width = page.shape[:2]
    shrink = min(1.0, math.sqrt(MAX_AREA / (height * width)))
    size = [max(STRIDE, round(side * shrink / STRIDE) * STRIDE) for side in (width, height)]
    return cv2.resize(page, size, interpolation=cv2.INTER_AREA if shrink < 1 else cv2.INTER_LINEAR)


def _normalised(raster: NDArray[Any]) -> NDArray[np.float32]:
    blue_first = raster[:, :, ::-1].astype(np.float32)
    return np.ascontiguousarray(((blue_first - MEAN) / DEVIATION).transpose(2, 0, 1)[None])


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
    left, top = np.clip(np.floor(corners.min(axis=0)), 0, [columns - 1, rows - 1]).astype(int)
    right, bottom = np.clip(np.ceil(corners.max(axis=0)), 0, [columns - 1, rows - 1]).astype(int)
    inside = np.zeros((bottom - top + 1, right - left + 1), np.uint8)
    cv2.fillPoly(inside, [(corners - [left, top]).round().astype(np.int32)], 1)
    return float(cv2.mean(probability[top : bottom + 1, left : right + 1], inside)[0])


def clockwise(corners: NDArray[Any]) -> Quad:
    """The corners clockwise, beginning with the top left one, whatever corner they came with first."""
    by_x = corners[np.argsort(corners[:, 0], kind="stable")]
    left, right = by_x[:2], by_x[2:]
    top_left, bottom_left = left[np.argsort(left[:, 1], kind="stable")]
    top_right, bottom_right = right[np.argsort(right[:, 1], kind="stable")]
    return np.array([top_left, top_right, bottom_right, bottom_left], np.float32)
