"""What one foreign file may cost."""

from __future__ import annotations

from dataclasses import dataclass

# The interpreter with Pillow, libheif and PDFium maps 65 MB; each thread's stack and heap add up to 72 MB of address space.
BASE_BYTES = 512 << 20
# The worst format is WebP: libwebp's two canvases and Pillow's picture, four bytes a pixel each, and copies of the answer's three.
BYTES_A_PIXEL = 24


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings MAX_PAGES and MAX_MEGAPIXELS as the decoder's program takes them."""

    pages: int  # of a file
    pixels: int  # of a page, or of one image in it

    @property
    def memory_bytes(self) -> int:
        """Bound of the child's address space: 2.9 GB at 100 megapixels."""
        return BASE_BYTES + BYTES_A_PIXEL * self.pixels

    @property
    def answer_bytes(self) -> int:
        """Bound of what the child may answer: a raster's three bytes a pixel, and room for rounding."""
        return 4 * self.pixels
