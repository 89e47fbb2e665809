"""The ink of a line in pieces: what hangs together, and how dark it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from docusnap.adapters.pixels import grey

DARKEST = 97  # per cent of the line are lighter than its ink
HALF = 0.5  # of that darkness: a letter's edge


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows and columns of the raster that it takes."""

    number: int
    left: int
    top: int
    right: int
    bottom: int

    @property
    def middle(self) -> float:
        return (self.left + self.right) / 2

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left


@dataclass(frozen=True, slots=True)
class Inked:
    """Cost: more than a millisecond a line."""

    darkness: NDArray[np.float32]  # height × width, 0 to 1
    labels: NDArray[np.int32]  # each pixel's piece
    pieces: tuple[Piece, ...]

    @classmethod
    def of(cls, raster: NDArray[Any]) -> Inked:
        """`raster`: grey or RGB; dark on light or light on dark."""
        seen = grey(raster)
        levels = np.arange(256)
        counts = cv2.calcHist([seen], [0], None, [256], [0, 256]).ravel()
        contrast = np.abs(levels - _percentile(counts, 50))
        darkest = max(_percentile(np.bincount(contrast, counts, 256), DARKEST), 1)
        darkness = np.asarray(cv2.LUT(seen, np.clip(contrast / darkest, 0, 1).astype(np.float32)), np.float32)
        _, labels, found, _ = cv2.connectedComponentsWithStats((darkness > HALF).astype(np.uint8))
        pieces = (
            Piece(number, left, top, left + width, top + height) for number, (left, top, width, height, _) in enumerate(found.tolist())
        )
        return cls(darkness, np.asarray(labels, np.int32), tuple(pieces)[1:])  # the first is the ground

    @property
    def height(self) -> int:
        return len(self.darkness)

    @property
    def width(self) -> int:
        return int(self.darkness.shape[1])

    def alone(self, piece: Piece) -> NDArray[np.float32]:
        """The piece's own darkness, with the soft edge of one pixel around it."""
        rows = slice(max(0, piece.top - 1), piece.bottom + 1)
        columns = slice(max(0, piece.left - 1), piece.right + 1)
        own = cv2.dilate((self.labels[rows, columns] == piece.number).astype(np.uint8), np.ones((3, 3), np.uint8))
        return np.asarray(self.darkness[rows, columns] * own, np.float32)


def _percentile(counts: NDArray[Any], share: float) -> int:
    """The first of the levels up to which so many per cent lie; pixels have few levels, so counting them is quicker than sorting."""
    return int(np.searchsorted(np.cumsum(counts), share / 100 * counts.sum()))
