"""What a line says: rasters of lines in, text with confidence and the place of every character out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import compress, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from docusnap.adapters.onnx.alphabet import few, is_ideograph
from docusnap.adapters.onnx.session import Session

HEIGHT = 48  # what the network was built for
NARROWEST, WIDEST = 32, 4800  # pixels at that height
STRIDE = 8  # pixels for one answer
GLIMPSE = 0.0003  # of a step's probability: the least that an ideograph gives to those that watch
BLANK = 0  # the class of a step that shows no character, or the same as the one before
MIDDLE = 127.5  # the network takes -1 to 1


class Character(NamedTuple):
    text: str
    confidence: float  # 0 to 1
    position: float  # of its centre, 0 to 1 along the line


@dataclass(frozen=True, slots=True)
class Reading:
    """One line as read; no characters where the network saw none."""

    characters: tuple[Character, ...]
    foreign: bool = False  # it may show what the network has no class for

    @property
    def text(self) -> str:
        return "".join(character.text for character in self.characters)

    @property
    def confidence(self) -> float:
        """The mean over the characters, 0 to 1; 0 where there are none."""
        return sum(c.confidence for c in self.characters) / len(self.characters) if self.characters else 0.0


def spans(characters: Sequence[Character]) -> Iterator[tuple[int, int]]:
    """Of the words between spaces: their first character, and the one after their last."""
    spaces = [-1, *(index for index, c in enumerate(characters) if c.text.isspace()), len(characters)]
    for before, after in pairwise(spaces):
        if after - before > 1:
            yield before + 1, after


@dataclass(frozen=True, slots=True)
class Batching:
    """How many lines go through the network at once, and to what their widths are rounded up.

    On a CPU a batch is no faster than its lines one after the other, and what pads the shorter lines is lost.
    """

    lines: int = 1
    width: int = WIDEST  # pixels of all lines together
    stride: int = STRIDE


class Recogniser:
    """Reads rasters of single lines with one network. Safe to ask from several threads."""

    def __init__(
        self, session: Session, alphabet: Path | None = None, *, grey: Session | None = None, batching: Batching | None = None
    ) -> None:
        """`alphabet`: a file with a class a line, where the model file does not hold it itself. `grey`: the model made for one channel."""
        self._session, self._grey, self._file = session, grey, alphabet
        self.batching = batching or Batching()

    @cached_property
    def alphabet(self) -> list[str]:
        """The text of each class: the blank first, a space last; between them what the file says."""
        listed = self._file.read_text("utf-8").removesuffix("\n") if self._file else self._session.metadata("character")
        return ["", *listed.split("\n"), " "]

    def warm(self) -> None:
        _ = self._session.loaded, (self._grey or self._session).loaded, self.alphabet

    def read(self, rasters: Sequence[NDArray[Any]], squeeze: float = 1.0) -> list[Reading]:
        """One reading per raster (grey or RGB), in the order given.

        `squeeze`: by what lines are narrowed, since time goes by their width.
        """
        widths = [min(max(round(squeeze * natural_width(raster)), NARROWEST), WIDEST) for raster in rasters]
        found: dict[int, Reading] = {}
        for batch in batches(widths, self.batching):
            width = _rounded(max(widths[index] for index in batch), self.batching.stride)
            session = self._for([rasters[index] for index in batch])
            values = np.empty((len(batch), 1 if session is self._grey else 3, HEIGHT, width), np.float32)
            for index, room in zip(batch, values, strict=True):
                _fill(room[:, :, : widths[index]], rasters[index])
                room[:, :, widths[index] :] = 0  # mid-grey, what the network learnt as nothing
            output = session.run(values)
            for index, line in zip(batch, output, strict=True):
                found[index] = self._decoded(line, widths[index] / width)
        return [found[index] for index in range(len(rasters))]

    def _for(self, rasters: Sequence[NDArray[Any]]) -> Session:
        return self._grey if self._grey and all(raster.ndim == 2 for raster in rasters) else self._session

    def _decoded(self, output: NDArray[np.float32], share: float) -> Reading:
        return decode(output, self.alphabet, share)


class Western(Recogniser):
    """The same network with few classes, which takes less time; what may show ideographs all the same is read again with all."""

    def __init__(self, session: Session, whole: Recogniser, *, grey: Session | None = None) -> None:
        """`session`, `grey`: of the model that `whole` has, with the classes of `alphabet.few`."""
        super().__init__(session, grey=grey, batching=whole.batching)
        self._whole = whole

    @cached_property
    def alphabet(self) -> list[str]:
        return [self._whole.alphabet[known] for known in few(self._whole.alphabet)]

    @cached_property
    def _watching(self) -> int:
        return sum(map(is_ideograph, self.alphabet))

    def read(self, rasters: Sequence[NDArray[Any]], squeeze: float = 1.0) -> list[Reading]:
        found = self.glance(rasters, squeeze)
        foreign = [reading.foreign for reading in found]
        return replaced(found, foreign, self._whole.read(list(compress(rasters, foreign)), squeeze))

    def glance(self, rasters: Sequence[NDArray[Any]], squeeze: float = 1.0) -> list[Reading]:
        """What few classes tell, and which lines are foreign."""
        return super().read(rasters, squeeze)

    def _decoded(self, output: NDArray[np.float32], share: float) -> Reading:
        glimpses = cv2.reduce(output[:, -self._watching :], 1, cv2.REDUCE_SUM)  # half of the time that NumPy takes
        return replace(super()._decoded(output, share), foreign=bool(glimpses.max() > GLIMPSE))


def replaced(readings: Iterable[Reading], which: Iterable[bool], better: Iterable[Reading]) -> list[Reading]:
    """The readings, and in the place of each that is marked in `which` the next of the better ones."""
    following = iter(better)
    return [next(following) if marked else reading for reading, marked in zip(readings, which, strict=True)]


def natural_width(raster: NDArray[Any]) -> float:
    """Of a line in pixels, at the height that the networks were built for."""
    return float(raster.shape[1] * HEIGHT / raster.shape[0])


def _rounded(width: int, stride: int) -> int:
    return -(-width // stride) * stride


def batches(widths: Sequence[int], batching: Batching) -> Iterator[list[int]]:
    """Indexes of lines of like width, so that little is padding."""
    batch: list[int] = []
    for index in sorted(range(len(widths)), key=lambda index: widths[index]):
        if batch and (len(batch) == batching.lines or (len(batch) + 1) * widths[index] > batching.width):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _fill(room: NDArray[np.float32], raster: NDArray[Any]) -> None:
    """`room`: 3, or 1 for a grey raster, × HEIGHT × width; the networks learnt blue first, and values from -1 to 1."""
    interpolation = cv2.INTER_AREA if raster.shape[0] > HEIGHT else cv2.INTER_CUBIC
    scaled = cv2.resize(raster, (room.shape[2], HEIGHT), interpolation=interpolation)
    if scaled.ndim == 2:
        np.multiply(scaled, np.float32(1 / MIDDLE), out=room[0])
        room[0] -= 1
        room[1:] = room[0]
    else:
        np.multiply(scaled.transpose(2, 0, 1)[::-1], np.float32(1 / MIDDLE), out=room)
        room -= 1


def decode(output: NDArray[np.float32], alphabet: Sequence[str], share: float) -> Reading:
    """CTC: of each run of one class keep the most certain step, and drop the blanks.

    `output`: steps × classes, probabilities; `share`: how much of the steps the line fills, the rest is padding.
    """
    classes = output.argmax(axis=1)
    starts = np.concatenate([[0], np.flatnonzero(classes[1:] != classes[:-1]) + 1])
    certainty = np.maximum.reduceat(output[np.arange(len(classes)), classes], starts)
    centres = (starts + np.append(starts[1:], len(classes))) / (2 * max(share * len(classes), 1.0))
    known = classes[starts]
    seen = known != BLANK
    texts = [alphabet[number] for number in known[seen].tolist()]
    return Reading(tuple(map(Character, texts, certainty[seen].tolist(), np.minimum(centres[seen], 1.0).tolist())))
