"""PDF by PDFium: a page's own text where it is sound, else its pixels."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pypdfium2 as pdfium
from pypdfium2 import raw

from docusnap import errors
from docusnap.adapters.decoder import contents, resolution, soundness
from docusnap.adapters.decoder.geometry import View
from docusnap.adapters.decoder.glyphs import SPACE, Glyph, glyphs
from docusnap.adapters.decoder.limits import Limits
from docusnap.adapters.decoder.lines import lines
from docusnap.model import OcrMode, PageRaster, RecognisedPage
from docusnap.ports import TextLayer

_REFUSALS = {
    raw.FPDF_ERR_PASSWORD: errors.EncryptedPdf,
    raw.FPDF_ERR_SECURITY: errors.EncryptedPdf,
    raw.FPDF_ERR_SUCCESS: errors.NoPages,  # pypdfium2 refuses what it opened well but finds no page in
}
MOST_CHARACTERS = 100_000  # of a page whose text is looked at: each costs microseconds
WHITE = (255, 255, 255, 255)


class PdfFile:
    """An opened PDF. All calls raise CorruptPdf, TooManyPages or TooManyPixels."""

    def __init__(self, path: Path, limits: Limits) -> None:
        """Raises: EncryptedPdf, CorruptPdf, NoPages. One that only asks for a password to change it opens."""
        self._limits = limits
        try:
            self._pdf = pdfium.PdfDocument(path)
            self._pdf.init_forms()
        except pdfium.PdfiumError as exc:
            raise _REFUSALS.get(exc.err_code, errors.CorruptPdf) from exc

    def __len__(self) -> int:
        return len(self._pdf)

    def count(self) -> int:
        """Pages. A PDF of one has its pictures' sizes checked here: so it is refused as a file."""
        count = len(self._pdf)
        if count > self._limits.pages:
            raise errors.TooManyPages
        if count == 1:
            with self._page(1) as page:
                contents.contents(page, page.get_bbox(), self._limits.pixels)
        return count

    def page(self, number: int, ocr: OcrMode) -> PageRaster | TextLayer:
        """A sound text layer unless OCR is forced, else the page drawn on white, annotations and form fields with it."""
        with self._page(number) as page:
            found = contents.contents(page, page.get_bbox(), self._limits.pixels)
            width, height = page.get_size()
            dpi = resolution.dpi(width, height, scan=found.scan, most_pixels=self._limits.pixels)
            view = View(page.get_bbox(), page.get_rotation(), *resolution.pixels(width, height, dpi))
            if ocr is OcrMode.AUTO and (text := _text(page, found, view, number, round(dpi) or 1)) is not None:
                return TextLayer(text)
            return PageRaster(number, view.width, view.height, round(dpi) or 1, _draw(page, view))

    @contextmanager
    def _page(self, number: int) -> Iterator[pdfium.PdfPage]:
        try:
            page = self._pdf[number - 1]
        except pdfium.PdfiumError as exc:
            raise errors.CorruptPdf from exc
        try:
            yield page
        except pdfium.PdfiumError as exc:
            raise errors.CorruptPdf from exc
        finally:
            page.close()


def _text(page: pdfium.PdfPage, found: contents.Contents, view: View, number: int, dpi: int) -> RecognisedPage | None:
    """The page's own text in pixels of the upright page, or None where it is not sound."""
    seen = _glyphs(page, view)
    if not soundness.sound(seen, found, view.width * view.height):
        return None
    if rotation := _rotation(seen):
        view = view.turned(rotation)
        seen = _glyphs(page, view)
    read = lines(seen)
    return RecognisedPage(number, "text", view.width, view.height, dpi, rotation, read) if soundness.ordered(read) else None


def _glyphs(page: pdfium.PdfPage, view: View) -> list[Glyph]:
    """The page's characters, none where there are too many. PDFium orders the lines as they are shown, so the page is turned meanwhile."""
    rotation = page.get_rotation()
    page.set_rotation(view.rotation)
    text = page.get_textpage()
    try:
        return glyphs(text, view) if text.count_chars() <= MOST_CHARACTERS else []
    finally:
        text.close()
        page.set_rotation(rotation)


def _rotation(seen: Sequence[Glyph]) -> int:
    """Degrees clockwise that make most of the text run rightwards."""
    quarters = Counter(round(glyph.angle / (math.pi / 2)) % 4 for glyph in seen if glyph.text != SPACE)
    return -90 * quarters.most_common(1)[0][0] % 360


def _draw(page: pdfium.PdfPage, view: View) -> bytes:
    """The page's pixels, row by row in RGB."""
    bitmap = pdfium.PdfBitmap.new_foreign(view.width, view.height, raw.FPDFBitmap_BGR, rev_byteorder=True, force_packed=True)
    bitmap.fill_rect(WHITE, 0, 0, view.width, view.height)
    area = (0, 0, view.width, view.height, 0)
    raw.FPDF_RenderPageBitmap(bitmap, page, *area, raw.FPDF_ANNOT | raw.FPDF_REVERSE_BYTE_ORDER)
    if page.formenv:
        raw.FPDF_FFLDraw(page.formenv, bitmap, page, *area, raw.FPDF_ANNOT | raw.FPDF_REVERSE_BYTE_ORDER)
    return bytes(bitmap.buffer)
