"""PDF pages as a viewer shows them, at a resolution that suits them."""

from __future__ import annotations

import pytest
from docusnap import errors
from docusnap.model import OcrMode
from PIL import Image

from tests.integration.decoder.conftest import Desk
from tests.support.pages import BLUE, GREEN, LETTER, RED, WHITE, Pdf, bomb, corners, encrypted, letter, nested_bomb, picture_at, text_at

SQUARES = "1 0 0 rg 0 100 100 100 re f 0 1 0 rg 100 100 100 100 re f 0 0 1 rg 0 0 100 100 re f\n"  # as corners(), on 200 × 200 points


def quarter(picture: Image.Image) -> list[object]:
    """The colours in the middle of the four quarters: top left, top right, bottom left, bottom right."""
    width, height = picture.size
    return [picture.getpixel((x * width // 4, y * height // 4)) for y in (1, 3) for x in (1, 3)]


def test_an_ordinary_page_is_drawn_at_300_dpi_on_white(desk: Desk) -> None:
    raster = desk.raster(Pdf().page(letter()).written())
    assert (raster.width, raster.height, raster.dpi) == (2550, 3300, 300)
    assert raster.pixels[:3] == b"\xff\xff\xff"
    assert b"\0\0\0" in raster.pixels


@pytest.mark.parametrize(
    ("rotate", "colours"),
    [
        (0, [RED, GREEN, BLUE, WHITE]),
        (90, [BLUE, RED, WHITE, GREEN]),
        (180, [WHITE, BLUE, GREEN, RED]),
        (270, [GREEN, WHITE, RED, BLUE]),
    ],
)
def test_a_page_is_turned_as_it_asks(desk: Desk, rotate: int, colours: list[object]) -> None:
    assert quarter(desk.picture(Pdf().page(SQUARES, box=(0, 0, 200, 200), rotate=rotate).written())) == colours


def test_only_the_crop_box_is_shown(desk: Desk) -> None:
    picture = desk.picture(Pdf().page(SQUARES, box=(0, 0, 200, 200), crop=(100, 100, 200, 180)).written())
    assert picture.getcolors() == [(picture.width * picture.height, GREEN)]
    assert picture.width / picture.height == pytest.approx(100 / 80, rel=0.01)


def test_a_scan_is_drawn_at_its_own_resolution(desk: Desk) -> None:
    pdf = Pdf()
    scan = pdf.image(corners(850, 1100))
    raster = desk.raster(pdf.page(picture_at("I", 0, 0, 612, 792), things=f"/I {scan} 0 R").written())
    assert (raster.width, raster.height, raster.dpi) == (850, 1100, 100)


def test_a_scan_inside_a_form_is_seen_as_one(desk: Desk) -> None:
    pdf = Pdf()
    scan = pdf.image(corners(850, 1100))
    resources = f"/Resources << /XObject << /I {scan} 0 R >> >>"
    form = pdf.stream(f"/Type /XObject /Subtype /Form /BBox [0 0 1 1] {resources}", picture_at("I", 0, 0, 1, 1).encode())
    raster = desk.raster(pdf.page("q 612 0 0 792 0 0 cm /F Do Q", things=f"/F {form} 0 R").written())
    assert (raster.width, raster.height, raster.dpi) == (850, 1100, 100)


def test_text_written_over_a_coarse_picture_is_drawn_finely(desk: Desk) -> None:
    pdf = Pdf()
    background = pdf.image(corners(85, 110))
    page = picture_at("I", 0, 0, 612, 792) + text_at(72, 700, "Total")
    assert desk.raster(pdf.page(page, things=f"/I {background} 0 R").written()).dpi == 300


def test_a_poster_is_drawn_coarser_and_a_label_finer(desk: Desk) -> None:
    poster = desk.raster(Pdf().page(letter(), box=(0, 0, 7200, 7200)).written())
    label = desk.raster(Pdf().page(text_at(2, 10, "SN 4711"), box=(0, 0, 72, 36)).written())
    assert poster.width * poster.height <= 20_000_000
    assert (label.width, label.height, label.dpi) == (600, 300, 600)


def test_a_lower_limit_of_pixels_makes_a_coarser_page(desk: Desk) -> None:
    desk.limit(max_megapixels=1.0)
    raster = desk.raster(Pdf().page(letter()).written())
    assert 900_000 < raster.width * raster.height < 1_001_000


def test_form_fields_and_annotations_are_drawn(desk: Desk) -> None:
    pdf = Pdf()
    look = pdf.stream("/Type /XObject /Subtype /Form /BBox [0 0 200 200]", b"0 0 1 rg 0 0 200 200 re f")
    note = pdf.add(f"<< /Type /Annot /Subtype /Stamp /F 4 /Rect [0 0 200 200] /AP << /N {look} 0 R >> >>")
    picture = desk.picture(pdf.page("", box=(0, 0, 200, 200), more=f"/Annots [{note} 0 R]").written())
    assert quarter(picture) == [BLUE] * 4


def test_every_page_is_counted_and_read(desk: Desk) -> None:
    pdf = Pdf().page(letter()).page(letter(), box=(0, 0, 396, 612)).written()
    assert desk.open(pdf).count() == 2
    assert [desk.raster(pdf, number).width for number in (1, 2)] == [2550, 1650]


def test_a_pdf_that_needs_a_password_is_refused(desk: Desk) -> None:
    with pytest.raises(errors.EncryptedPdf):
        desk.open(encrypted(b"secret")).count()


def test_a_pdf_that_is_locked_against_changes_only_is_read(desk: Desk) -> None:
    page = desk.text(encrypted(b""))
    assert page is not None
    assert page.lines[0].text == "The quick brown fox jumps over the lazy dog."


BROKEN = [
    b"%PDF-1.7\n",
    b"%PDF-1.7\nnothing of the kind\n%%EOF",
    Pdf().page(letter()).written()[:300],
    Pdf().written().replace(b"/Count 0", b"/Count 1"),
]


@pytest.mark.parametrize("data", BROKEN)
def test_a_broken_pdf_is_refused(desk: Desk, data: bytes) -> None:
    with pytest.raises(errors.CorruptPdf):
        desk.open(data).count()


def test_a_pdf_with_junk_before_its_header_is_read(desk: Desk) -> None:
    assert desk.open(b"junk\n" * 20 + Pdf().page(letter()).written()).count() == 1


def test_a_pdf_without_pages_is_refused(desk: Desk) -> None:
    with pytest.raises(errors.NoPages):
        desk.open(Pdf().written()).count()


def test_a_pdf_with_too_many_pages_is_refused(desk: Desk) -> None:
    desk.limit(max_pages=2)
    pdf = Pdf()
    for _ in range(3):
        pdf.page("")
    with pytest.raises(errors.TooManyPages):
        desk.open(pdf.written()).count()


def test_a_small_pdf_that_unpacks_into_an_enormous_picture_is_refused_before_it_is_drawn(desk: Desk) -> None:
    data = bomb(30_000, 30_000).written()
    assert len(data) < 200_000
    with pytest.raises(errors.TooManyPixels):
        desk.open(data).count()


def test_an_enormous_picture_costs_its_page_only(desk: Desk) -> None:
    file = desk.open(bomb(30_000, 30_000).page(letter(), box=LETTER).written())
    assert file.count() == 2
    with pytest.raises(errors.TooManyPixels):
        file.page(1, OcrMode.AUTO)
    assert file.page(2, OcrMode.AUTO)


def test_an_enormous_picture_inside_forms_is_found(desk: Desk) -> None:
    pdf = Pdf()
    number = pdf.stream("/Type /XObject /Subtype /Image /Width 40000 /Height 40000 /ColorSpace /DeviceGray /BitsPerComponent 8", b"")
    for _ in range(4):
        number = pdf.stream(f"/Type /XObject /Subtype /Form /BBox [0 0 612 792] /Resources << /XObject << /X {number} 0 R >> >>", b"/X Do")
    with pytest.raises(errors.TooManyPixels):
        desk.open(pdf.page("/X Do", things=f"/X {number} 0 R").written()).count()


def test_a_pdf_whose_content_unpacks_beyond_the_memory_of_the_child_is_refused(desk: Desk) -> None:
    desk.limit(max_megapixels=1.0)
    with pytest.raises(errors.DecodedTooLarge):
        desk.open(nested_bomb()).count()
