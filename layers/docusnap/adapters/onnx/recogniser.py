"""What a line says: rasters of lines in, text with confidence and the place of every character out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from docusnap.adapters.onnx.session import Session

HEIGHT = 48  # what the network was built for
NARROWEST, WIDEST = 32, 4800  # pixels at that height
STRIDE = 32  # widths are rounded up to this, so that lines of like length share a batch
# The network answers with 18,710 probabilities for every eight pixels: 9 MB for a line of 1,000 pixels.
BATCH_WIDTH = 3200  # pixels of all lines together
BATCH_LINES = 6


@dataclass(frozen=True, slots=True)
class Character:
    text: str
    confidence: float  # 0 to 1
    position: float  # of its centre, 0 to 1 along the line


@dataclass(frozen=True, slots=True)
class Reading:
    """One line as read; no characters where the network saw none."""

    characters: tuple[Character, ...]

    @property
    def text(self) -> str:
        return "".join(character.text for character in self.characters)

    @property
    def confidence(self) -> float:
        """The mean over the characters, 0 to 1; 0 where there are none."""
        return sum(c.confidence for c in self.characters) / len(self.characters) if self.characters else 0.0


class Recogniser:
    """Reads rasters of single lines. Safe to ask from several threads."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @cached_property
    def alphabet(self) -> list[str]:
        """The text of each class: the blank first, a space last; between them what the model file says."""
        return ["", *self._session.metadata("character").split("\n"), " "]

    def warm(self) -> None:
        _ = self.alphabet

    def read(self, rasters: Sequence[NDArray[Any]]) -> list[Reading]:
        """One reading per raster (height × width × 3, RGB), in the order given."""
        widths = [_width(raster) for raster in rasters]
        found: dict[int, Reading] = {}
        for batch in batches(widths):
            width = -(-max(widths[index] for index in batch) // STRIDE) * STRIDE
            output = self._session.run(np.stack([_normalised(rasters[index], widths[index], width) for index in batch]))
            for index, line in zip(batch, output, strict=True):
                found[index] = decode(line, self.alphabet, widths[index] / width)
        return [found[index] for index in range(len(rasters))]


def _width(raster: NDArray[Any]) -> int:
    height, width = map(int, raster.shape[:2])
    return min(max(round(width * HEIGHT / height), NARROWEST), WIDEST)


def batches(widths: Sequence[int]) -> Iterator[list[int]]:
    """Indexes of lines of like width, so that little is padding."""
    batch: list[int] = []
    for index in sorted(range(len(widths)), key=lambda index: widths[index]):
        if batch and (len(batch) == BATCH_LINES or (len(batch) + 1) * widths[index] > BATCH_WIDTH):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _normalised(raster: NDArray[Any], own: int, width: int) -> NDArray[np.float32]:
    interpolation = cv2.INTER_AREA if raster.shape[0] > HEIGHT else cv2.INTER_CUBIC
    scaled = cv2.resize(raster, (own, HEIGHT), interpolation=interpolation)[:, :, ::-1]
    padded = np.zeros((3, HEIGHT, width), np.float32)  # zero is mid-grey, what the network learnt as nothing
    padded[:, :, :own] = scaled.transpose(2, 0, 1) / np.float32(127.5) - 1
    return padded


def decode(output: NDArray[np.float32], alphabet: Sequence[str], share: float) -> Reading:
    """CTC: of each run of one class keep the most certain step, and drop the blanks.

    `output`: steps × classes, probabilities; `share`: how much of the steps the line fills, the rest is padding.
    """
    classes = output.argmax(axis=1)
    certainty = output[np.arange(len(classes)), classes]
    starts = np.flatnonzero(np.diff(classes, prepend=-1))
    ends = np.append(starts[1:], len(classes))
    filled = max(share * len(classes), 1.0)
    characters = []
    for start, end in zip(starts, ends, strict=True):
        if text := alphabet[classes[start]]:
            best = start + int(certainty[start:end].argmax())
            characters.append(Character(text, float(certainty[best]), min((start + end) / 2 / filled, 1.0)))
    return Reading(tuple(characters))
