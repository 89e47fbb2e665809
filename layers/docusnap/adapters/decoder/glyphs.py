"""A PDF page's characters, as PDFium finds them, in pixels of the page as it is shown."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass

import pypdfium2 as pdfium
from pypdfium2 import raw

from docusnap.adapters.decoder.geometry import View

HYPHENS = {0x02, 0xAD, 0x2010, 0x2011, 0xFFFE}  # PDFium's mark for one at a line's end, and those that look the same
LIGATURES = range(0xFB00, 0xFB07)
UNMAPPED = {"Cc", "Cs", "Co", "Cn"}  # controls, halves of characters, private and unknown ones
SPACE = " "
BROKEN = "\ufffd"


@dataclass(frozen=True, slots=True)
class Glyph:
    """One character: where it stands and which way its line runs. A space has no sound place of its own."""

    text: str  # " " for any white space, U+FFFD for what has no meaning
    x: float  # its middle, pixels
    y: float
    width: float  # along its line, pixels
    height: float  # across its line, pixels
    angle: float  # of its line, in radians, clockwise from rightwards
    visible: bool
    generated: bool = False  # a space that PDFium concluded from a gap


def glyphs(text: pdfium.PdfTextPage, view: View) -> list[Glyph]:
    """All characters that stand on the page, in the order in which PDFium reads them."""
    return [glyph for index in range(text.count_chars()) if (glyph := _glyph(text, index, view)) is not None]


def _glyph(text: pdfium.PdfTextPage, index: int, view: View) -> Glyph | None:
    meaning = _meaning(raw.FPDFText_GetUnicode(text, index))
    if not meaning:
        return None
    if meaning == SPACE:
        return Glyph(SPACE, 0, 0, 0, 0, 0, visible=False, generated=raw.FPDFText_IsGenerated(text, index) == 1)
    if raw.FPDFText_HasUnicodeMapError(text, index) == 1:
        meaning = BROKEN
    left, top, right, bottom = view.area(_box(text, index))
    x, y = (left + right) / 2, (top + bottom) / 2
    if not (0 <= x <= view.width and 0 <= y <= view.height):
        return None  # outside of what a viewer shows
    angle = _angle(text, index, view)
    width, height = _unturned(right - left, bottom - top, angle)
    return Glyph(meaning, x, y, width, height, angle, _visible(text, index))


def _meaning(code: int) -> str:
    """The character as text: empty for what has no width, a space for any white space."""
    if code in HYPHENS:
        return "-"
    character = chr(code) if code < 0x110000 else BROKEN
    if character.isspace():
        return SPACE
    if code in LIGATURES:
        return unicodedata.normalize("NFKC", character)
    category = unicodedata.category(character)
    if category in UNMAPPED or code == 0xFFFD:
        return BROKEN
    return "" if category == "Cf" else character


def _box(text: pdfium.PdfTextPage, index: int) -> tuple[float, float, float, float]:
    """The character's advance and its font's full height, so that all boxes of a line are equally high."""
    rect = raw.FS_RECTF()
    raw.FPDFText_GetLooseCharBox(text, index, rect)
    return rect.left, rect.bottom, rect.right, rect.top


def _angle(text: pdfium.PdfTextPage, index: int, view: View) -> float:
    matrix = raw.FS_MATRIX()
    if not raw.FPDFText_GetMatrix(text, index, matrix) or not (matrix.a or matrix.b):
        return 0.0
    x, y = view.direction(matrix.a, matrix.b)
    return math.atan2(y, x)


def _unturned(wide: float, high: float, angle: float) -> tuple[float, float]:
    """The sides of the box along and across its line, from the upright hull that PDFium gives."""
    c, s = abs(math.cos(angle)), abs(math.sin(angle))
    determinant = c * c - s * s
    if abs(determinant) < 0.3:  # near 45°: the hull says little; take a square
        return (side := min(wide, high) / (c + s)), side
    width, height = (wide * c - high * s) / determinant, (high * c - wide * s) / determinant
    return max(width, 0.0), max(height, 0.0)


def _visible(text: pdfium.PdfTextPage, index: int) -> bool:
    thing = raw.FPDFText_GetTextObject(text, index)
    return not thing or raw.FPDFTextObj_GetTextRenderMode(thing) != raw.FPDF_TEXTRENDERMODE_INVISIBLE
