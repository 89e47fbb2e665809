"""The stack's worker with an engine that costs nothing, so that what is left is the path and the ledger.

gunicorn loads `app` in place of `docusnap.hosts.function:app` (`up.py`); no setting of the product leads here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from docusnap.bootstrap import parts
from docusnap.hosts.function import app
from docusnap.model import EngineInfo, Line, PageRaster, RecognisedPage
from docusnap.ports import Clock

__all__ = ["app"]

TEXT = "invoice 2026 of the Harbour Street Bakery 合同编号"


class Trivial:
    """Says the same line of every page."""

    info = EngineInfo("trivial", "1")

    def recognise(self, pages: Iterable[PageRaster], *, clock: Clock | None = None) -> Iterator[RecognisedPage]:  # noqa: ARG002
        for page in pages:
            width, height = float(page.width), float(page.height)
            square = ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
            yield RecognisedPage(page.number, "ocr", page.width, page.height, page.dpi, 0, (Line(TEXT, 0.99, square),))

    def warm(self) -> None:
        """Nothing to load."""

    def close(self) -> None:
        """Nothing to end."""


vars(parts())["engine"] = Trivial()  # where a cached property keeps what it has built: before gunicorn's hook asks for the real one
