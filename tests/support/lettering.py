"""Pages set in the font that Pillow carries, so that a test knows where its letters stand and how large they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps

STAFF = ("The keeper reads the brass staff,", "and writes down the height of", "the water, the wind, and the", "first boat to leave.")


def font(size: float) -> ImageFont.FreeTypeFont:
    found = ImageFont.load_default(size)
    assert isinstance(found, ImageFont.FreeTypeFont)
    return found


def small_letter(size: float) -> float:
    """The height of an x in pixels."""
    _, top, _, bottom = font(size).getbbox("x")
    return bottom - top


def lettered(
    *lines: str,
    size: float = 24,
    paper: tuple[int, int] = (1600, 1200),
    at: tuple[int, int] = (60, 60),
    ink: int = 0,
) -> Image.Image:
    """Lines on white, one under the other; `ink` is the grey they are set in, of 255."""
    sheet = Image.new("RGB", paper, "white")
    draw = ImageDraw.Draw(sheet)
    for number, line in enumerate(lines):
        draw.text((at[0], at[1] + number * 1.6 * size), line, fill=(ink, ink, ink), font=font(size))
    return sheet


def pixels(picture: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(picture.convert("RGB"))


def grey(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Height × width of brightness as a picture of three channels."""
    return np.repeat(values.clip(0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def inked(picture: Image.Image) -> tuple[int, int, int, int]:
    """The smallest rectangle that holds every pixel with more ink than paper: left, top, right, bottom."""
    found = ImageOps.autocontrast(ImageOps.invert(picture.convert("L"))).point(lambda ink: 255 * (ink > 127)).getbbox()
    assert found
    return found
