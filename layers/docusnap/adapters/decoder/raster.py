"""Any picture that Pillow holds, as the 8-bit picture that a viewer would show."""

from __future__ import annotations

import math

from PIL import Image

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ORIENTATION = 0x0112  # the EXIF (and TIFF) tag
DEEP = {"I", "F", "I;16", "I;16B", "I;16L", "I;16N"}  # more than eight bits a sample; Pillow's own conversion clips them
GREY, PLAIN = {"1", "L"}, {"L", "RGB"}


def plain(image: Image.Image, white: float | None = None) -> Image.Image:
    """Flattened on white paper, in 8 bits a channel: RGB, or L where it holds no colours. The picture itself where it is so already.

    `white` is the sample value of full white in deep grey, where the file tells it.
    """
    if image.mode in DEEP:
        return _scaled(image, white)
    if image.mode == "LAB":
        return image.getchannel("L")  # lightness is what recognition reads
    if image.has_transparency_data:
        return _flattened(image.convert("RGBA"))
    return image if image.mode in PLAIN else image.convert("L" if image.mode in GREY else "RGB")


def _flattened(image: Image.Image) -> Image.Image:
    paper = Image.new("RGB", image.size, "white")
    paper.paste(image, mask=image.getchannel("A"))
    return paper


def _scaled(image: Image.Image, white: float | None) -> Image.Image:
    if image.mode not in {"I", "F"}:
        image = image.convert("I")
    low, high = (float(str(value)) for value in image.getextrema())  # one band: two numbers, which Pillow's types do not tell
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError("The samples are not finite.")
    black, white = _range(low, high, white)
    factor = 255 / (white - black)
    return image.convert("F").point(lambda sample: sample * factor + (0.5 - black * factor)).convert("L")


def _range(low: float, high: float, white: float | None) -> tuple[float, float]:
    """Black and white: what the file tells, else the usual range that the samples fit in, else their own range."""
    usual = [white] if white else [1.0, 255.0, 65535.0]
    for limit in usual:
        if low >= 0 and high <= limit:
            return 0.0, limit
    return low, max(high, low + 1)


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; a damaged EXIF block does not cost the picture."""
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # noqa: BLE001  Pillow's EXIF parser raises half a dozen kinds, none of which matters here
        return 1


def upright(image: Image.Image, turn: int) -> Image.Image:
    """Turned as an EXIF orientation asks."""
    return image.transpose(TURNS[turn]) if turn in TURNS else image
