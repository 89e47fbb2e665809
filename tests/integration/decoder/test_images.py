"""Every kind of picture comes out as the 8-bit RGB picture that a viewer shows."""

from __future__ import annotations

import io
import struct
from typing import Any

import pillow_heif
import pytest
from docusnap.model import OcrMode
from PIL import Image, ImageCms, TiffImagePlugin

from tests.integration.decoder.conftest import Desk
from tests.support.pages import BLACK, BLUE, GREEN, RED, WHITE, Colour, corners, oriented, saved


def near(found: Any, wanted: Colour, by: int = 12) -> bool:
    return all(abs(a - b) <= by for a, b in zip(found, wanted, strict=True))


def shows_corners(picture: Image.Image, by: int = 12) -> bool:
    width, height = picture.size
    wanted = {(4, 4): RED, (width - 5, 4): GREEN, (4, height - 5): BLUE, (width - 5, height - 5): WHITE}
    return all(near(picture.getpixel(place), colour, by) for place, colour in wanted.items())


def heic(picture: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    pillow_heif.from_pillow(picture).save(file, quality=90, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"quality": 95, "subsampling": 0}),
        ("JPEG", {"quality": 95, "subsampling": 0, "progressive": True}),
        ("PNG", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
        ("TIFF", {"compression": "jpeg", "quality": 95}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"quality": 95}),
        ("BMP", {}),
        ("AVIF", {"quality": 95, "subsampling": "4:4:4"}),
    ],
)
def test_every_format_shows_its_colours(desk: Desk, kind: str, options: dict[str, Any]) -> None:
    assert shows_corners(desk.picture(saved(corners(), kind, **options)), by=40)


def test_a_heic_photo_shows_its_colours(desk: Desk) -> None:
    assert shows_corners(desk.picture(heic(corners(128, 96))), by=60)


def test_the_bytes_decide_whatever_the_name_says(desk: Desk) -> None:
    assert shows_corners(desk.picture(saved(corners(), "GIF")))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(desk: Desk, kind: str, orientation: int) -> None:
    options: dict[str, Any] = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
    picture = desk.picture(oriented(kind, orientation, **options))
    assert picture.size == (60, 40)
    assert shows_corners(picture)


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_turned_heic_photo_is_turned_once(desk: Desk, orientation: int) -> None:
    turned = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = corners(128, 96).transpose(turned[orientation])
    file = io.BytesIO()
    pillow_heif.register_heif_opener()
    stored.save(file, "HEIF", quality=90, exif=exif.tobytes())  # as bytes, its orientation goes into the container too, as phones do it
    picture = desk.picture(file.getvalue())
    assert picture.size == (128, 96)
    assert shows_corners(picture, by=60)


def test_a_damaged_exif_block_does_not_cost_the_picture(desk: Desk) -> None:
    assert shows_corners(desk.picture(saved(corners(), "PNG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")))


def test_what_is_transparent_is_white(desk: Desk) -> None:
    picture = corners().convert("RGBA")
    picture.putalpha(Image.new("L", picture.size, 0))
    assert desk.picture(saved(picture, "PNG")).getextrema() == ((255, 255),) * 3


def test_what_is_half_transparent_is_mixed_with_white(desk: Desk) -> None:
    assert near(desk.picture(saved(Image.new("LA", (9, 9), (0, 128)), "PNG")).getpixel((4, 4)), (127, 127, 127), by=1)


def test_a_palette_keeps_its_colours_and_its_transparency(desk: Desk) -> None:
    picture = corners().quantize(4)
    white = picture.getpixel((55, 35))
    shown = desk.picture(saved(picture, "PNG", transparency=picture.getpixel((5, 5))))
    assert isinstance(white, int)
    assert near(shown.getpixel((5, 5)), WHITE)
    assert near(shown.getpixel((55, 5)), GREEN)


def test_a_transparent_colour_of_an_rgb_picture_is_white(desk: Desk) -> None:
    shown = desk.picture(saved(corners(), "PNG", transparency=RED))
    assert shown.getpixel((4, 4)) == WHITE
    assert shown.getpixel((55, 4)) == GREEN


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_one_bit_is_black_and_white(desk: Desk, kind: str) -> None:
    picture = Image.new("1", (20, 10), 1)
    picture.paste(0, (0, 0, 10, 10))
    shown = desk.picture(saved(picture, kind))
    assert (shown.getpixel((4, 4)), shown.getpixel((15, 4))) == (BLACK, WHITE)


@pytest.mark.parametrize("compression", ["group3", "group4"])
def test_a_fax_is_black_on_white_with_square_pixels(desk: Desk, compression: str) -> None:
    picture = Image.new("1", (204, 98), 1)
    picture.paste(0, (0, 0, 102, 98))
    raster = desk.raster(saved(picture, "TIFF", compression=compression, dpi=(204, 98)))
    assert (raster.width, raster.height, raster.dpi) == (204, 204, 204)
    assert (raster.channels, raster.pixels[0], raster.pixels[-1]) == (1, 0, 255)


@pytest.mark.parametrize(("kind", "mode"), [("PNG", "I;16"), ("TIFF", "I;16"), ("TIFF", "I;16B")])
def test_sixteen_bits_of_grey_are_scaled_not_clipped(desk: Desk, kind: str, mode: str) -> None:
    order = ">" if mode.endswith("B") else "<"
    samples = struct.pack(f"{order}4H", 0, 0x4000, 0x8000, 0xFFFF)
    shown = desk.picture(saved(Image.frombytes(mode, (4, 1), samples), kind))
    assert [shown.getpixel((x, 0)) for x in range(4)] == [(0, 0, 0), (64, 64, 64), (128, 128, 128), (255, 255, 255)]


def test_a_sixteen_bit_negative_is_turned(desk: Desk) -> None:
    data = saved(Image.frombytes("I;16", (2, 1), struct.pack("<2H", 0, 0xFFFF)), "TIFF", tiffinfo={262: 0})
    shown = desk.picture(data)
    assert [shown.getpixel((x, 0)) for x in range(2)] == [WHITE, BLACK]


@pytest.mark.parametrize("samples", [(0.0, 0.5, 1.0), (0.0, 127.5, 255.0), (-1.0, 0.0, 1.0), (0.0, 32767.5, 65535.0)])
def test_floating_samples_use_the_whole_range(desk: Desk, samples: tuple[float, float, float]) -> None:
    shown = desk.picture(saved(Image.frombytes("F", (3, 1), struct.pack("<3f", *samples)), "TIFF"))
    assert [near(shown.getpixel((x, 0)), (v, v, v), by=1) for x, v in enumerate((0, 128, 255))] == [True] * 3


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_comes_out_in_its_colours(desk: Desk, kind: str) -> None:
    assert shows_corners(desk.picture(saved(corners().convert("CMYK"), kind)), by=60)


def test_lab_comes_out_in_its_lightness(desk: Desk) -> None:
    lab = ImageCms.createProfile("LAB")
    turn = ImageCms.buildTransformFromOpenProfiles(ImageCms.createProfile("sRGB"), lab, "RGB", "LAB")
    picture = ImageCms.applyTransform(Image.new("RGB", (8, 8), WHITE), turn)
    assert picture is not None
    assert near(desk.picture(saved(picture, "TIFF")).getpixel((4, 4)), WHITE)


def test_each_frame_of_a_tiff_is_a_page_with_its_own_size_and_mode(desk: Desk) -> None:
    frames = [Image.new("1", (30, 20), 1), Image.new("RGB", (40, 10), BLUE), Image.new("L", (5, 5), 0)]
    file = desk.open(saved(frames[0], "TIFF", save_all=True, append_images=frames[1:]))
    assert file.count() == 3
    pages = [desk.picture(saved(frames[0], "TIFF", save_all=True, append_images=frames[1:]), number) for number in (1, 2, 3)]
    assert [page.size for page in pages] == [(30, 20), (40, 10), (5, 5)]
    assert [page.getpixel((1, 1)) for page in pages] == [WHITE, BLUE, BLACK]


def test_a_thumbnail_in_a_tiff_is_no_page(desk: Desk) -> None:
    file = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(file) as writer:
        for picture, info in ((corners(6, 4), {254: 1}), (corners(), {254: 0})):
            picture.save(writer, "TIFF", tiffinfo=info)
            writer.newFrame()
    opened = desk.open(file.getvalue())
    assert opened.count() == 1
    assert desk.picture(file.getvalue()).size == (60, 40)


@pytest.mark.parametrize(("kind", "options"), [("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {})])
def test_what_moves_is_its_first_frame(desk: Desk, kind: str, options: dict[str, Any]) -> None:
    frames = [Image.new("RGB", (20, 10), BLACK), Image.new("RGB", (20, 10), WHITE)]
    file = desk.open(saved(frames[0], kind, save_all=True, append_images=frames[1:], **options))
    assert file.count() == 1
    assert desk.picture(saved(frames[0], kind, save_all=True, append_images=frames[1:], **options)).getpixel((5, 5)) == BLACK


@pytest.mark.parametrize(("dpi", "told"), [((200, 200), 200), ((1, 1), None), ((100000, 100000), None)])
def test_a_resolution_is_told_where_it_can_be_meant(desk: Desk, dpi: tuple[int, int], told: int | None) -> None:
    assert desk.raster(saved(corners(), "TIFF", dpi=dpi)).dpi == told


def test_a_page_can_be_read_again_and_again(desk: Desk) -> None:
    file = desk.open(saved(corners(), "PNG"))
    file.count()
    assert file.page(1, OcrMode.AUTO) == file.page(1, OcrMode.FORCE)


@pytest.mark.parametrize(("mode", "channels"), [("1", 1), ("L", 1), ("I;16", 1), ("LA", 3), ("P", 3), ("RGB", 3)])
def test_what_holds_no_colours_comes_as_a_byte_a_pixel(desk: Desk, mode: str, channels: int) -> None:
    raster = desk.raster(saved(Image.new(mode, (30, 20)), "PNG"))
    assert (raster.channels, len(raster.pixels)) == (channels, 600 * channels)
