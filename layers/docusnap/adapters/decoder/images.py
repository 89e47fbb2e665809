"""Pictures by Pillow. One page each, the first frame where it moves; only a TIFF has as many pages as frames."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pillow_heif
from PIL import Image, TiffImagePlugin

from docusnap import errors
from docusnap.adapters.decoder import raster, sniff
from docusnap.adapters.decoder.limits import Limits
from docusnap.model import PageRaster

NEW_SUBFILE_TYPE, NOT_A_PAGE = 254, 0b101  # a reduced copy of another page, or a mask
BITS_PER_SAMPLE, PHOTOMETRIC, WHITE_IS_ZERO = 258, 262, 0
LEAST_DPI, MOST_DPI = 50, 2400  # anything else is a default or a mistake
MOST_STRETCH = 4.0  # a fax has up to four times as many pixels an inch across as down


def prepare() -> None:
    """Set Pillow up for this process: its own limit is off, since ours is checked for each page by itself."""
    Image.preinit()  # imports the formats, which would else wait for the first picture
    pillow_heif.register_heif_opener(thumbnails=False, decode_threads=1)
    Image.MAX_IMAGE_PIXELS = None
    warnings.simplefilter("ignore")  # foreign bytes are no reason to fill the log


class ImageFile:
    """A picture on disk. All calls raise CorruptImage, TooManyPixels or TooManyPages."""

    def __init__(self, path: Path, kind: str, limits: Limits) -> None:
        self._path, self._kind, self._limits = path, kind, limits
        self._frames: list[int] | None = None  # of the pages
        self._first: PageRaster | None = None

    def __len__(self) -> int:
        return len(self._pages())

    def count(self) -> int:
        """Pages. A file of one is decoded here, and kept: so a damaged or too large one is refused as a file."""
        frames = self._pages()
        if len(frames) == 1:
            self._first = self.page(1)
        return len(frames)

    def page(self, number: int) -> PageRaster:
        """The page as a viewer shows it: EXIF orientation applied, square pixels, alpha on white. Pages count from 1."""
        if self._first is not None and number == 1:
            first, self._first = self._first, None
            return first
        frame = self._pages()[number - 1]
        with self._open() as image:
            image.seek(frame)
            self._check_size(image.size)
            picture, dpi = self._decode(image)
        return PageRaster(number, picture.width, picture.height, dpi, picture.tobytes(), len(picture.getbands()))

    @contextmanager
    def _open(self) -> Iterator[Image.Image]:
        try:
            if self._kind == "WEBP":
                self._check_webp()
            with Image.open(self._path, formats=[self._kind]) as image:
                yield image
        except (errors.DocuSnapError, MemoryError):
            raise
        except Exception as exc:
            raise errors.CorruptImage from exc

    def _check_webp(self) -> None:
        with self._path.open("rb") as file:
            if size := sniff.webp_size(file.read(30)):
                self._check_size(size)

    def _check_size(self, size: tuple[int, int]) -> None:
        if size[0] * size[1] > self._limits.pixels:
            raise errors.TooManyPixels

    def _pages(self) -> list[int]:
        if self._frames is None:
            with self._open() as image:
                self._frames = self._tiff_pages(image) if isinstance(image, TiffImagePlugin.TiffImageFile) else [0]
        return self._frames

    def _tiff_pages(self, image: TiffImagePlugin.TiffImageFile) -> list[int]:
        """Walked one by one, so that a million empty directories end at the limit."""
        pages, frame = [], 0
        while _seek(image, frame):
            if not int(_tag(image, NEW_SUBFILE_TYPE) or 0) & NOT_A_PAGE:
                pages.append(frame)
            frame += 1
            if frame > 2 * self._limits.pages or len(pages) > self._limits.pages:
                raise errors.TooManyPages
        return pages or [0]

    def _decode(self, image: Image.Image) -> tuple[Image.Image, int | None]:
        dpi, white = _dpi(image), _white(image)
        deep_negative = image.mode in raster.DEEP and _tag(image, PHOTOMETRIC) == WHITE_IS_ZERO
        image.load()
        picture = raster.plain(image, white)
        if deep_negative:  # Pillow turns only the shallow ones
            picture = picture.point(lambda sample: 255 - sample)
        picture = raster.upright(picture, raster.orientation(image))
        if dpi is None:
            return picture, None
        return self._squared(picture, dpi)

    def _squared(self, picture: Image.Image, dpi: tuple[float, float]) -> tuple[Image.Image, int]:
        """Faxes have pixels that are not square: the coarser direction is stretched to the finer."""
        across, down = dpi
        finer = max(dpi)
        if self._kind != "TIFF" or not 1.1 < finer / min(dpi) < MOST_STRETCH:
            return picture, round(finer)
        size = (round(picture.width * finer / across), round(picture.height * finer / down))
        self._check_size(size)
        return picture.resize(size, Image.Resampling.BICUBIC), round(finer)


def _seek(image: Image.Image, frame: int) -> bool:
    try:
        image.seek(frame)
    except EOFError:
        return False
    return True


def _tag(image: Image.Image, tag: int) -> Any:
    return image.tag_v2.get(tag) if isinstance(image, TiffImagePlugin.TiffImageFile) else None


def _white(image: Image.Image) -> float | None:
    """The sample value of full white in deep grey: 4095 for a 12-bit TIFF."""
    if image.mode.startswith("I;16"):
        return float(2 ** min((_tag(image, BITS_PER_SAMPLE) or (16,))[0], 16) - 1)
    return None


def _dpi(image: Image.Image) -> tuple[float, float] | None:
    """Pixels an inch across and down, as stored; None where the file says nothing that can be meant."""
    found = image.info.get("dpi")
    if not found or len(found) != 2:
        return None
    across, down = float(found[0]), float(found[1])
    return (across, down) if min(across, down) >= LEAST_DPI and max(across, down) <= MOST_DPI else None
