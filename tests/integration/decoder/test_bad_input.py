"""Each kind of bad file has an error of its own, before anything large is unpacked."""

from __future__ import annotations

import pytest
from docusnap import errors
from docusnap.model import OcrMode, PageRaster
from PIL import Image

from tests.integration.decoder.conftest import Desk
from tests.support.pages import corners, png_header, saved, webp_header

NOISE = Image.effect_noise((300, 300), 90)


def test_an_empty_file_is_empty(desk: Desk) -> None:
    with pytest.raises(errors.EmptyObject):
        desk.open(b"").count()


@pytest.mark.parametrize(
    "data",
    [
        b"just some text",
        b"BM starts this text, too",
        b"PK\x03\x04",
        b"<svg/>",
        b"\x00" * 2000,
        b"\x00\x00\x00\x18ftypmp42",
        b"%!PS-Adobe-3.0",
    ],
)
def test_what_is_no_picture_is_of_no_supported_type(desk: Desk, data: bytes) -> None:
    with pytest.raises(errors.UnsupportedType):
        desk.open(data).count()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "AVIF"])
@pytest.mark.parametrize("kept", [0.5, 0.9])
def test_a_picture_that_is_cut_off_is_corrupt(desk: Desk, kind: str, kept: float) -> None:
    data = saved(NOISE.convert("RGB"), kind)
    with pytest.raises(errors.CorruptImage):
        desk.open(data[: int(len(data) * kept)]).count()


HEADS = [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"II*\x00", b"RIFF\x10\0\0\0WEBP", b"\0\0\0\x18ftypheic"]


@pytest.mark.parametrize("head", HEADS)
def test_a_right_beginning_with_nothing_sound_after_it_is_corrupt(desk: Desk, head: bytes) -> None:
    with pytest.raises(errors.CorruptImage):
        desk.open(head + b"nonsense" * 20).count()


@pytest.mark.parametrize("data", [png_header(60_000, 60_000), webp_header(16_000, 16_000)])
def test_a_header_that_promises_billions_of_pixels_is_refused(desk: Desk, data: bytes) -> None:
    with pytest.raises(errors.TooManyPixels):
        desk.open(data).count()


def test_the_limit_of_pixels_is_the_one_that_is_set(desk: Desk) -> None:
    desk.limit(max_megapixels=0.0024)
    assert desk.open(saved(corners(60, 40), "PNG")).count() == 1
    with pytest.raises(errors.TooManyPixels):
        desk.open(saved(corners(61, 40), "PNG")).count()


def test_a_tiff_page_that_is_too_large_or_damaged_costs_that_page_only(desk: Desk) -> None:
    desk.limit(max_megapixels=0.01)
    file = desk.open(saved(corners(200, 100), "TIFF", save_all=True, append_images=[corners(60, 40)]))
    assert file.count() == 2
    with pytest.raises(errors.TooManyPixels):
        file.page(1, OcrMode.AUTO)
    assert isinstance(file.page(2, OcrMode.AUTO), PageRaster)


def test_a_tiff_with_too_many_pages_is_refused(desk: Desk) -> None:
    desk.limit(max_pages=2)
    with pytest.raises(errors.TooManyPages):
        desk.open(saved(corners(), "TIFF", save_all=True, append_images=[corners(), corners()])).count()


@pytest.mark.parametrize("number", [0, -1, 2])
def test_there_is_no_page_beyond_the_file(desk: Desk, number: int) -> None:
    with pytest.raises(errors.PageNotFound):
        desk.open(saved(corners(), "PNG")).page(number, OcrMode.AUTO)
