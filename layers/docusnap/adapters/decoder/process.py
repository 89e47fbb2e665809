"""ports.Decoder: each foreign file is read in a child process of its own, which no other file ever shares."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from docusnap import errors
from docusnap.adapters.child import Child, ChildDied, ChildFailed, ChildTimeout, ChildUnborn
from docusnap.adapters.decoder.limits import Limits
from docusnap.adapters.frames import Header
from docusnap.adapters.nursery import Nursery
from docusnap.adapters.pages import page_from_json
from docusnap.model import OcrMode, PageRaster
from docusnap.ports import Clock, TextLayer
from docusnap.settings import Settings

log = logging.getLogger(__name__)
T = TypeVar("T")

PROGRAM = ("-m", "docusnap.adapters.decoder.child")

CHANNELS = {1, 3}


class DecoderProcess:
    """Has its children from a nursery, so that opening a file does not wait for an interpreter. Safe under threads."""

    def __init__(self, settings: Settings, program: Sequence[str] = PROGRAM) -> None:
        """Start the nursery; does not wait for it. `program` is what it runs."""
        self._seconds = settings.page_seconds
        self._limits = Limits(pages=settings.max_pages, pixels=int(settings.max_megapixels * 1e6))
        self.nursery = Nursery(program, memory_bytes=self._limits.memory_bytes)

    def open(self, path: Path, *, clock: Clock | None = None) -> DecodedFile:
        """Nothing is read yet; the file must stay until `close`. With a clock, a call ends when it says stop."""
        return DecodedFile(self.nursery, path, self._limits, self._seconds, clock)

    def close(self) -> None:
        """End the nursery, and with it the children of files that are still open."""
        self.nursery.close()


class DecodedFile:
    """ports.OpenedFile: one file and its child. A child that died is replaced at the next call."""

    def __init__(self, nursery: Nursery, path: Path, limits: Limits, seconds: float, clock: Clock | None) -> None:
        self._nursery, self._path, self._limits = nursery, path, limits
        self._seconds, self._clock = seconds, clock
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """Of the child, once there is one."""
        return self._child.pid if self._child else None

    def count(self) -> int:
        """Pages; a file of one picture is decoded here already. Errors: see ports.OpenedFile."""
        answer, _ = self._ask({"do": "count"})
        return _checked(lambda: _pages(answer))

    def page(self, number: int, ocr: OcrMode) -> PageRaster | TextLayer:
        """The page's raster, or its own text where that is sound and `ocr` is not `force`. Errors: see ports.OpenedFile."""
        answer, pixels = self._ask({"do": "page", "number": number, "ocr": ocr.value})
        return _checked(lambda: _page(answer, pixels))

    def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is not None:
            child.close()

    def _ask(self, question: Header) -> tuple[Header, bytes]:
        question |= {"path": str(self._path), "limits": asdict(self._limits)}
        try:
            return self._living().ask(question, timeout=self._seconds, clock=self._clock)
        except errors.DecodedTooLarge:
            self.close()  # whatever filled its memory may still be there
            raise
        except ChildTimeout as exc:
            raise errors.PageTimeout from exc
        except ChildDied as exc:
            log.warning("the decoder died: %s", exc)
            raise self._cause(exc) from exc
        except (ChildFailed, ChildUnborn) as exc:
            log.error("the decoder's program failed: %s", exc)  # noqa: TRY400  its traceback is the child's
            raise errors.DecoderCrashed from exc

    def _cause(self, death: ChildDied) -> errors.DocuSnapError:
        """PDFium aborts when it gets no more memory, as others do for a bug: what it held tells them apart."""
        if death.signal == signal.SIGXCPU:
            return errors.PageTimeout()
        full = death.peak_bytes > self._limits.memory_bytes / 4
        return errors.DecodedTooLarge() if death.signal == signal.SIGABRT and full else errors.DecoderCrashed()

    def _living(self) -> Child:
        if self._child is None or not self._child.alive:
            self.close()
            self._child = Child(self._nursery.born(self._seconds, self._clock), answer_bytes=self._limits.answer_bytes)
        return self._child


def _pages(answer: Header) -> int:
    return int(answer["pages"])


def _page(answer: Header, pixels: bytes) -> PageRaster | TextLayer:
    if (text := answer.get("text")) is not None:
        return TextLayer(page_from_json(answer["number"], text))
    raster = PageRaster(pixels=pixels, **answer["raster"])
    if raster.channels not in CHANNELS or len(pixels) != raster.width * raster.height * raster.channels:
        raise ValueError("The raster has another size than it says.")
    return raster


def _checked(read: Callable[[], T]) -> T:
    """An answer of another shape comes from a child that foreign bytes have taken over."""
    try:
        return read()
    except (KeyError, TypeError, ValueError) as exc:
        raise errors.DecoderCrashed from exc
