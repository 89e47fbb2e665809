"""The decoder's program: a nursery whose children read one foreign file each. Run with `python -m`."""

from __future__ import annotations

import os
from pathlib import Path

from docusnap import errors
from docusnap.adapters.decoder import images, sniff
from docusnap.adapters.decoder.images import ImageFile
from docusnap.adapters.decoder.limits import Limits
from docusnap.adapters.decoder.pdf import PdfFile
from docusnap.adapters.frames import Buffer, Header
from docusnap.adapters.nursery import nurse
from docusnap.adapters.pages import page_to_json
from docusnap.model import OcrMode, PageRaster
from docusnap.ports import TextLayer

RASTER = ("number", "width", "height", "dpi", "channels")


class Program:
    """Answers `count` and `page` about one file, which it opens when it is first asked."""

    def __init__(self) -> None:
        self._file: ImageFile | PdfFile | None = None

    def handle(self, header: Header, _: bytes) -> tuple[Header, Buffer]:
        """`{"do": "count" | "page", "path", "limits", "number"?, "ocr"?}`; a raster's pixels are the answer's payload."""
        if self._file is None:
            self._file = open_file(Path(header["path"]), Limits(**header["limits"]))
        if header["do"] == "count":
            return {"pages": self._file.count()}, b""
        return _answer(read_page(self._file, header["number"], OcrMode(header["ocr"])))


def open_file(path: Path, limits: Limits) -> ImageFile | PdfFile:
    """Raises: EmptyObject, UnsupportedType, CorruptPdf, EncryptedPdf."""
    with path.open("rb") as file:
        kind = sniff.kind(file.read(sniff.HEAD_BYTES))
    return PdfFile(path, limits) if kind == sniff.PDF else ImageFile(path, kind, limits)


def read_page(file: ImageFile | PdfFile, number: int, ocr: OcrMode) -> PageRaster | TextLayer:
    """Raises: PageNotFound, and what the files raise."""
    if not 1 <= number <= len(file):
        raise errors.PageNotFound
    return file.page(number, ocr) if isinstance(file, PdfFile) else file.page(number)


def _answer(page: PageRaster | TextLayer) -> tuple[Header, Buffer]:
    if isinstance(page, TextLayer):
        return {"number": page.page.number, "text": page_to_json(page.page)}, b""
    return {"raster": {name: getattr(page, name) for name in RASTER}}, page.pixels


def _be_silent() -> None:
    """Native libraries comment on damaged bytes, line by line: whoever sends a file must not fill the operator's log."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)


if __name__ == "__main__":
    images.prepare()
    _be_silent()
    nurse(Program().handle)
