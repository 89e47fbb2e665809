"""What is on a PDF page, told without drawing it: its pictures and their sizes, its outlines, its visible text."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import pypdfium2 as pdfium
from pypdfium2 import raw

from docusnap import errors
from docusnap.adapters.decoder.geometry import Box, share
from docusnap.adapters.decoder.resolution import INCH

WHOLE_PAGE = 0.9  # of the area: pictures that cover as much are the page
INVISIBLE = {raw.FPDF_TEXTRENDERMODE_INVISIBLE, raw.FPDF_TEXTRENDERMODE_CLIP}


@dataclass(frozen=True, slots=True)
class Picture:
    share: float  # of the page's area, 0 to 1
    dpi: float


@dataclass(slots=True)
class Contents:
    """A page's objects, counted."""

    pictures: list[Picture] = field(default_factory=list)
    segments: int = 0  # of all outlines
    texts: int = 0  # visible pieces of text
    annotations: int = 0

    @property
    def pictured(self) -> float:
        """How much of the page pictures cover; overlapping ones count twice, up to 1."""
        return min(1.0, sum(picture.share for picture in self.pictures))

    @property
    def scan(self) -> float | None:
        """The resolution in dpi of a page that is nothing but a scanned picture (or its strips and layers); else None."""
        drawn = self.texts or self.segments or self.annotations
        return None if drawn or self.pictured < WHOLE_PAGE else max(picture.dpi for picture in self.pictures)


def contents(page: pdfium.PdfPage, box: Box, most_pixels: int) -> Contents:
    """Count the page's objects, inside form XObjects too.

    Pictures in patterns, in soft masks and in annotations are not seen here: the child's memory bound is what holds them.

    Raises: TooManyPixels, where a picture unpacks into more than `most_pixels`.
    """
    found = Contents(annotations=raw.FPDFPage_GetAnnotCount(page))
    for thing in page.get_objects():
        if thing.type == raw.FPDF_PAGEOBJ_IMAGE:
            found.pictures.append(_picture(thing, box, most_pixels))
        elif thing.type == raw.FPDF_PAGEOBJ_PATH:
            found.segments += max(0, raw.FPDFPath_CountSegments(thing))
        elif thing.type == raw.FPDF_PAGEOBJ_TEXT and raw.FPDFTextObj_GetTextRenderMode(thing) not in INVISIBLE:
            found.texts += 1
    return found


def _picture(image: pdfium.PdfImage, box: Box, most_pixels: int) -> Picture:
    width, height = ctypes.c_uint(), ctypes.c_uint()
    raw.FPDFImageObj_GetImagePixelSize(image, width, height)
    if width.value * height.value > most_pixels:
        raise errors.TooManyPixels
    a, b, c, d, e, f = _matrix(image)
    corners = [(e, f), (e + a, f + b), (e + c, f + d), (e + a + c, f + b + d)]
    across, down = math.hypot(a, b) / INCH, math.hypot(c, d) / INCH
    dpi = max(width.value / across if across else 0.0, height.value / down if down else 0.0)
    return Picture(share(_hull(corners), box), dpi)


def _hull(points: Sequence[tuple[float, float]]) -> Box:
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _matrix(thing: pdfium.PdfObject) -> tuple[float, ...]:
    """How the unit square of a picture lies on the page, through all forms around it."""
    matrix = thing.get_matrix()
    while (thing := thing.container) is not None:
        matrix = matrix.multiply(thing.get_matrix())
    return tuple(matrix.get())
