"""Files that say themselves what is to become of them, with the decoder and the engine that read them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from random import Random

from docusnap import errors
from docusnap.model import EngineInfo, Line, OcrMode, PageRaster, RecognisedPage
from docusnap.ports import Clock, OpenedFile

from tests.simulation.tasks import current, pause

SQUARE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
PAGE_FAILURES = 3
WORD = "simulated"  # stands on every page that is not empty


@dataclass(frozen=True)
class Content:
    """An object's bytes: what its pages hold, and what goes wrong with them."""

    etag: str
    pages: int
    readable: bool = True  # False: rejected when it is opened
    rejected: list[int] = field(default_factory=list)  # pages that can never work
    poison: list[int] = field(default_factory=list)  # pages on which the engine always fails
    empty: list[int] = field(default_factory=list)
    flaky: dict[int, int] = field(default_factory=dict)  # page → how often the engine fails before it succeeds
    crashes: int = 0  # how often the decoder dies of it before it can count the pages

    @cached_property
    def data(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def read(cls, data: bytes) -> Content:
        values = json.loads(data)
        values["flaky"] = {int(page): times for page, times in values["flaky"].items()}
        return cls(**values)

    def text(self, page: int) -> str:
        """Tells of the version it was read from, so that a text of another one is noticed."""
        return "" if page in self.empty else f"{WORD} page {page} of {self.etag}"

    @property
    def dies(self) -> bool:
        """Whether it comes to nothing, and a redrive may change that."""
        return self.crashes >= PAGE_FAILURES or all(
            page in self.poison or self.flaky.get(page, 0) >= PAGE_FAILURES for page in range(1, self.pages + 1)
        )

    def may_succeed(self, page: int) -> bool:
        return page not in self.rejected and page not in self.poison

    def may_fail(self, page: int, code: str, failures: int) -> bool:
        """Whether its failure for good is the file's or the engine's fault, and not that of whoever was killed on it."""
        exhausted = failures == PAGE_FAILURES
        if page == 0:
            return (not self.readable and code == "corrupt_pdf") or (
                exhausted and self.crashes >= PAGE_FAILURES and code == "decoder_crashed"
            )
        if page in self.rejected:
            return code == "corrupt_image"
        return (
            exhausted and (page in self.poison or self.flaky.get(page, 0) >= PAGE_FAILURES) and code in {"engine_crashed", "engine_failed"}
        )


def some_content(rng: Random, number: int) -> Content:
    """Mostly sound, of one to three pages."""
    pages = rng.choice([1, 1, 2, 3])
    some = [page for page in range(1, pages + 1) if rng.random() < 0.5]
    kind = rng.choices(["sound", "rejected", "poison", "empty", "flaky", "unreadable"], [4, 1, 2, 1, 4, 1])[0]
    etag = f"e{number}"
    stubborn = number % 4  # a redrive then fails so many times before it succeeds, with 3 for good
    if kind == "flaky":
        often = {page: rng.choice([1, 2, 2, PAGE_FAILURES]) for page in some}
        return Content(etag, pages, flaky={page: times + stubborn * (times == PAGE_FAILURES) for page, times in often.items()})
    if kind == "unreadable":
        return Content(etag, pages, readable=False) if number % 2 else Content(etag, pages, crashes=PAGE_FAILURES - 1 + stubborn)
    if kind == "poison" and number % 3 == 0:  # beside it, at times, what no redrive may take up
        return Content(etag, pages, poison=some, rejected=[page for page in range(1, pages) if page not in some][:1])
    return Content(etag, pages, **({} if kind == "sound" else {kind: some}))


class Troubles:
    """How often each page has failed, and each file as page 0: whoever reads it next, in whichever process."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[str, int]] = Counter()

    def one_more(self, content: Content, page: int, times: int) -> bool:
        """Whether it fails again, of so many times."""
        if self._seen[content.etag, page] >= times:
            return False
        self._seen[content.etag, page] += 1
        return True


class Paper:
    """The decoder: reads the file anew each time, as it was fetched."""

    def __init__(self, troubles: Troubles) -> None:
        self._troubles = troubles

    def open(self, path: Path, *, clock: Clock | None = None) -> OpenedFile:
        return _Opened(Content.read(path.read_bytes()), self._troubles)

    def close(self) -> None:
        """It holds nothing."""


class _Opened:
    def __init__(self, content: Content, troubles: Troubles) -> None:
        self._content, self._troubles = content, troubles

    def count(self) -> int:
        if not self._content.readable:
            raise errors.CorruptPdf
        if self._troubles.one_more(self._content, 0, self._content.crashes):
            raise errors.DecoderCrashed
        return self._content.pages

    def page(self, number: int, ocr: OcrMode) -> PageRaster:
        if number in self._content.rejected:
            raise errors.CorruptImage
        return PageRaster(number, 1, 1, None, self._content.data)

    def close(self) -> None:
        """It holds nothing."""


class Reader:
    """The engine: reads what the raster holds, and fails where that says so. Others go on while it reads."""

    info = EngineInfo("simulated", "1")

    def __init__(self, troubles: Troubles) -> None:
        self._troubles = troubles

    def recognise(self, pages: Iterable[PageRaster], *, clock: Clock | None = None) -> Iterator[RecognisedPage]:
        for raster in pages:
            pause("the engine")
            if clock is not None and clock.stopping():
                raise errors.Interrupted
            if (task := current()) is not None and task.engine_breaks:
                raise errors.EngineFailed
            yield self._read(Content.read(raster.pixels), raster.number)

    def _read(self, content: Content, number: int) -> RecognisedPage:
        if number in content.poison:
            raise errors.EngineCrashed
        if self._troubles.one_more(content, number, content.flaky.get(number, 0)):
            raise errors.EngineFailed
        text = content.text(number)
        return RecognisedPage(number, "ocr", 1, 1, None, 0, [Line(text, 0.9, SQUARE)] if text else [])

    def close(self) -> None:
        """It holds nothing."""
