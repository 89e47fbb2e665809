"""At how many dots an inch a PDF page is drawn: pure arithmetic."""

from __future__ import annotations

import math

USUAL_DPI = 300.0  # print: the smallest usual type has 20 pixels a line
FINEST_DPI = 600.0
FEWEST_PIXELS = 1_000_000  # a smaller page (a ticket, a label) is drawn finer: its type is small
MOST_PIXELS = 20_000_000  # A3 at 300 dpi is 17 million; a poster is drawn coarser
LONGEST_SIDE = 20_000  # pixels
INCH = 72.0  # points


def dpi(width: float, height: float, *, scan: float | None = None, most_pixels: int = MOST_PIXELS) -> float:
    """Resolution for a page of `width` × `height` points.

    `scan` is the resolution of the one picture that the page consists of: drawing it finer adds nothing.
    """
    inches = max(width * height / INCH**2, 1e-9)
    wanted = scan or _by_size(inches)
    bounds = math.sqrt(min(MOST_PIXELS, most_pixels) / inches), LONGEST_SIDE * INCH / max(width, height, 1e-9)
    return min(wanted, *bounds)


def _by_size(square_inches: float) -> float:
    return min(FINEST_DPI, max(USUAL_DPI, math.sqrt(FEWEST_PIXELS / square_inches)))


def pixels(width: float, height: float, at_dpi: float) -> tuple[int, int]:
    """Width and height of the raster, at least one pixel each."""
    return max(1, round(width * at_dpi / INCH)), max(1, round(height * at_dpi / INCH))
