"""The engine in this process: rasters in, recognised pages out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from docusnap.adapters import models
from docusnap.adapters.onnx.alphabet import keep_few
from docusnap.adapters.onnx.case import recased
from docusnap.adapters.onnx.crops import aspect, readings, runs_right
from docusnap.adapters.onnx.detector import Detector, Quad
from docusnap.adapters.onnx.device import CUDA
from docusnap.adapters.onnx.dirt import without_dirt
from docusnap.adapters.onnx.faster import run_faster
from docusnap.adapters.onnx.graph import Change, take_grey
from docusnap.adapters.onnx.lines import as_line
from docusnap.adapters.onnx.marks import with_marks
from docusnap.adapters.onnx.merged import parted
from docusnap.adapters.onnx.orientation import Orientation, turned
from docusnap.adapters.onnx.quotes import as_printed
from docusnap.adapters.onnx.reader import Reader
from docusnap.adapters.onnx.recogniser import Batching, Reading, Recogniser, Western
from docusnap.adapters.onnx.session import Session, chosen, cores
from docusnap.adapters.onnx.survey import Survey, survey
from docusnap.adapters.onnx.zero import with_letters
from docusnap.adapters.pixels import unpacked
from docusnap.errors import ConfigurationError, EngineFailed
from docusnap.model import EngineInfo, Line, ModelFile, PageRaster, RecognisedPage
from docusnap.ocr.reading_order import arrange
from docusnap.ports import Clock

T = TypeVar("T")

AHEAD = 2  # pages at work behind the one that is delivered: while the last lines of one are read, cores would be idle
LEGIBLE = 0.5  # mean confidence below which a reading is noise (a texture, a logo), not text
SURE = 0.8  # likelihood from which the orientation network is believed without a reading,
ENOUGH = 20  # where the ink is at least so many small letters high and wide: of a line or two it sees no more than strokes
SAMPLE = 6  # lines that are read to find out which way up they are
CLEARLY = 1.2  # so many times the letters as the page stands: a 7 upside down reads as well as an L
ON_GPU = Batching(lines=32, width=32 * 960, stride=64)


@dataclass(frozen=True, slots=True)
class Found:
    """A page put upright, and where its lines are."""

    page: PageRaster
    pixels: NDArray[np.uint8]
    quarters: int  # turns counter-clockwise that put it upright
    quads: Sequence[Quad]


@dataclass(frozen=True, slots=True)
class Way:
    """A way in which a quad was read."""

    raster: NDArray[Any]
    reading: Reading
    downwards: bool


@dataclass(frozen=True, slots=True)
class Read:
    """A page, and of each of its quads in which there is text the better reading."""

    found: Found
    ways: dict[int, Way]


class OnnxEngine:
    """PP-OCR models on ONNX Runtime. Models are loaded when they are first needed. Safe to ask from several threads.

    Lines are read by as many threads as there are cores, each by itself; the next page is searched for lines meanwhile.
    Cost: 44 MB of model files, about half a gigabyte of memory beside the page itself. A process of its own is a third faster after
    `memory.keep_freed()`.
    """

    def __init__(self, model_dir: Path | None = None, threads: int | None = None, device: str = "auto") -> None:
        """`threads`: at work at once; None takes all cores. `device`: auto, cpu or cuda.

        Raises: ConfigurationError when a model file is missing.
        """
        self._folder = folder = models.locate(model_dir)
        threads = threads or cores()
        cv2.setNumThreads(1)  # the readers keep the cores busy: threads of OpenCV's own would wait for work, spinning
        on_gpu = chosen(device)[0] == CUDA
        batching = ON_GPU if on_gpu else Batching()

        def session(model: ModelFile, within: int, *changes: Change) -> Session:
            return Session(folder / model.name, within, device, changes if on_gpu else (run_faster, *changes))

        self._orientation = Orientation(session(models.ORIENTATION, 1))
        self._detector = Detector(session(models.DETECTOR, threads), session(models.QUICK_DETECTOR, threads))
        self._at_once = 1 if on_gpu else threads
        self._readers = ThreadPoolExecutor(self._at_once, "ocr-reader")

        def western(model: ModelFile, whole: Recogniser, *changes: Change) -> Session:
            return session(model, 1, lambda parsed: keep_few(parsed, whole.alphabet), *changes)

        quick_model, alphabet = models.QUICK_RECOGNISER, folder / models.QUICK_ALPHABET.name
        quick = Recogniser(session(quick_model, 1), alphabet, grey=session(quick_model, 1, take_grey), batching=batching)
        careful = Recogniser(session(models.RECOGNISER, 1), batching=batching)
        self._reader = Reader(
            quick,
            careful,
            western=(
                Western(western(quick_model, quick), quick, grey=western(quick_model, quick, take_grey)),
                Western(western(models.RECOGNISER, careful), careful),
            ),
            spread=self._spread,
            together=batching.lines,
        )

    @property
    def info(self) -> EngineInfo:
        return models.info()

    def recognise(self, pages: Iterable[PageRaster], *, clock: Clock | None = None) -> Iterator[RecognisedPage]:  # noqa: ARG002  the port's; a page in this process cannot be broken off
        """One result per raster, in order. `pages` is gone through by another thread, two pages ahead.

        Raises: EngineFailed, never an empty page instead.
        """
        found, following = map(self._found, pages), deque[Future[Read | None]]()
        # Threads of this call's own: another caller's pages may be long in coming.
        with ThreadPoolExecutor(1, "ocr-finder") as finder, ThreadPoolExecutor(AHEAD, "ocr-page") as caller:

            def ask() -> None:
                following.append(caller.submit(self._read, finder.submit(next, found, None)))

            for _ in range(AHEAD):
                ask()
            while (read := following.popleft().result()) is not None:
                ask()
                yield self._arranged(read)

    def warm(self) -> None:
        """Check and load the models now instead of at the first page. Raises: EngineFailed."""
        slowest: list[Recogniser | Detector | Orientation] = [*self._reader.usual, self._detector, self._orientation]
        try:
            self._spread(lambda load: load(), [part.warm for part in slowest] + [partial(models.verify, self._folder)])
        except Exception as exc:
            raise EngineFailed(f"The models could not be loaded: {self._damage() or exc}") from exc

    def _damage(self) -> ConfigurationError | None:
        """What is wrong with the files: a model that was cut off is otherwise one that nobody can parse."""
        try:
            models.verify(self._folder)
        except ConfigurationError as damage:
            return damage
        return None

    def close(self) -> None:
        """End the threads, after the pages they are at."""
        self._readers.shutdown()

    def _spread(self, work: Callable[..., T], *items: Iterable[Any]) -> list[T]:
        """What `map` gives, by all readers at once. They take one item after the other themselves: a task for each would take
        them longer than many an item does, and wake whoever waits at every one.
        """
        todo = deque(enumerate(zip(*items, strict=True)))
        done: dict[int, T] = {}

        def take() -> None:
            try:
                for number, item in _each(todo):
                    done[number] = work(*item)
            except Exception:
                todo.clear()
                raise

        for reader in [self._readers.submit(take) for _ in range(min(self._at_once, len(todo)))]:
            reader.result()
        return [done[number] for number in range(len(done))]

    def _found(self, page: PageRaster) -> Found:
        try:
            pixels = unpacked(page)
            seen = survey(pixels)
            quarters = self._quarters(pixels, seen)
            upright = turned(pixels, quarters)
            return Found(page, upright, quarters, self._quads(upright, survey(upright) if quarters else seen))
        except Exception as exc:
            raise _failure(page, exc) from exc

    def _quads(self, pixels: NDArray[np.uint8], seen: Survey) -> list[Quad]:
        """Longest first: what is read last is short, and no thread waits long for the others."""
        return sorted(parted(self._detector.detect(pixels, seen), seen.ink), key=aspect, reverse=True)

    def _quarters(self, pixels: NDArray[np.uint8], seen: Survey) -> int:
        """Told by a look at the page, then by one at its ink alone, and by reading where neither is sure."""
        if seen.empty:
            return 0
        looks = [pixels]
        if min(seen.right - seen.left, seen.bottom - seen.top) >= ENOUGH * seen.letter > 0:
            looks.append(seen.inked(pixels, 0))
        for look in looks:
            quarters, likely = self._orientation.quarters(look)
            if likely >= SURE:
                return quarters
        legible = [self._legible(turned(pixels, way)) for way in range(4)]
        best = max(legible)
        return legible.index(best) if best > CLEARLY * legible[0] else 0

    def _legible(self, pixels: NDArray[np.uint8]) -> float:
        """How many letters are believed in the lines that run to the right, the longest of them."""
        quads = [quad for quad in self._quads(pixels, survey(pixels)) if runs_right(quad)][:SAMPLE]
        lines = _lines(self._ways(pixels, quads), quads)
        return sum(len(line.text) * line.confidence for line in lines if line.confidence is not None)

    def _read(self, following: Future[Found | None]) -> Read | None:
        if (found := following.result()) is None:
            return None
        try:
            return Read(found, self._ways(found.pixels, found.quads))
        except Exception as exc:
            raise _failure(found.page, exc) from exc

    def _arranged(self, read: Read) -> RecognisedPage:
        found, page = read.found, read.found.page
        try:
            layout = arrange(_lines(read.ways, found.quads))
        except Exception as exc:
            raise _failure(page, exc) from exc
        height, width = found.pixels.shape[:2]
        return RecognisedPage(page.number, "ocr", width, height, page.dpi, -90 * found.quarters % 360, layout.lines, layout.blocks)

    def _ways(self, pixels: NDArray[np.uint8], quads: Sequence[Quad]) -> dict[int, Way]:
        """The better reading of each quad in which there is text."""
        cut = self._spread(partial(readings, pixels), quads)
        ways = [(quad, raster, downwards) for quad, rasters in enumerate(cut) for raster, downwards in rasters]
        best: dict[int, Way] = {}
        vertical = {index for index, (_, _, downwards) in enumerate(ways) if downwards}
        heard = self._reader.read([raster for _, raster, _ in ways], vertical)
        for (quad, raster, downwards), reading in zip(ways, heard, strict=True):
            if quad not in best or reading.confidence > best[quad].reading.confidence:
                best[quad] = Way(raster, reading, downwards)
        legible = {quad: way for quad, way in best.items() if way.reading.text.strip() and way.reading.confidence >= LEGIBLE}
        return self._marked(legible)

    def _marked(self, ways: dict[int, Way]) -> dict[int, Way]:
        """Vertical lines with the marks that the networks overlook, and the raster shows."""
        vertical = {quad: way for quad, way in ways.items() if way.downwards}
        marked = with_marks([(way.raster, way.reading) for way in vertical.values()], self._reader.carefully)
        return ways | {quad: replace(way, reading=reading) for (quad, way), reading in zip(vertical.items(), marked, strict=True)}


def _each(todo: deque[T]) -> Iterator[T]:
    """What is first, until nothing is left; others may take of it too."""
    with suppress(IndexError):
        while True:
            yield todo.popleft()


def _lines(ways: dict[int, Way], quads: Sequence[Quad]) -> list[Line]:
    return [as_line(_as_seen(way), quads[quad], downwards=way.downwards) for quad, way in ways.items()]


def _as_seen(way: Way) -> Reading:
    """The reading with what the networks cannot tell, and the raster shows."""
    reading = with_letters(way.reading)
    for shaped in () if way.downwards else (recased, without_dirt, as_printed):
        reading = shaped(way.raster, reading)
    return reading


def _failure(page: PageRaster, exc: Exception) -> EngineFailed:
    """Whatever NumPy, OpenCV and ONNX Runtime raise is one thing to the pipeline."""
    return EngineFailed(f"The recogniser reported an error on this page: {type(exc).__name__}: {exc}", page=page.number)
