"""A PDF page's own text: taken where it is sound, with polygons that lie on what is drawn."""

from __future__ import annotations

import pytest
from docusnap.model import Line, OcrMode, Polygon, RecognisedPage
from docusnap.ports import TextLayer
from PIL import Image, ImageChops

from tests.integration.decoder.conftest import Desk
from tests.support.pages import Pdf, chinese, corners, letter, picture_at, text_at

CLOCKWISE = {0: None, 90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}
INVISIBLE = "3 Tr"


def upright(desk: Desk, data: bytes, page: RecognisedPage) -> Image.Image:
    """The page as drawn, turned as the text layer says, in grey."""
    turn = CLOCKWISE[page.rotation]
    drawn = desk.picture(data).convert("L")
    return drawn if turn is None else drawn.transpose(turn)


def hull(polygon: Polygon) -> tuple[float, float, float, float]:
    xs, ys = zip(*polygon, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def ink_outside(drawn: Image.Image, polygons: list[Polygon]) -> int:
    """How many dark pixels no polygon covers, three pixels of grace around each."""
    ink = drawn.point(lambda value: 255 if value < 128 else 0)
    for polygon in polygons:
        left, top, right, bottom = hull(polygon)
        ink.paste(0, (int(left) - 3, int(top) - 3, int(right) + 4, int(bottom) + 4))
    return ink.histogram()[255]


def ink_inside(drawn: Image.Image, polygon: Polygon) -> tuple[int, int, int, int]:
    left, top, right, bottom = (round(value) for value in hull(polygon))
    box = ImageChops.invert(drawn.crop((left, top, right, bottom))).getbbox()
    assert box is not None
    return box


def texts(lines: list[Line] | tuple[Line, ...]) -> list[str]:
    return [line.text for line in lines]


def read(desk: Desk, data: bytes) -> RecognisedPage:
    page = desk.text(data)
    assert page is not None
    return page


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("crop", [None, (30, 200, 600, 780)])
def test_polygons_lie_on_the_text_however_the_page_is_turned_and_cropped(desk: Desk, rotate: int, crop: tuple[int, ...] | None) -> None:
    data = Pdf().page(letter(), rotate=rotate, crop=crop).written()
    page = read(desk, data)
    drawn = upright(desk, data, page)
    assert (page.width, page.height) == drawn.size
    assert page.rotation == -rotate % 360
    assert ink_outside(drawn, [line.polygon for line in page.lines]) == 0
    assert ink_outside(drawn, [word.polygon for line in page.lines for word in line.words]) == 0
    for line in page.lines:
        left, _, right, _ = hull(line.polygon)
        assert right - left - 12 <= ink_inside(drawn, line.polygon)[2] - ink_inside(drawn, line.polygon)[0]


ON_ITS_SIDE = [("0 1 -1 0 792 0", 90, (792, 612)), ("-1 0 0 -1 612 792", 180, (612, 792)), ("0 -1 1 0 0 612", 270, (792, 612))]


@pytest.mark.parametrize(("matrix", "rotate", "size"), ON_ITS_SIDE)
def test_a_page_whose_content_lies_on_its_side_is_read_as_it_is_shown(desk: Desk, matrix: str, rotate: int, size: tuple[int, int]) -> None:
    data = Pdf().page(f"q {matrix} cm {letter()} Q", rotate=rotate, box=(0, 0, *size)).written()
    page = read(desk, data)
    assert page.rotation == 0
    assert page.lines[0].text == "The quick brown fox jumps over the lazy dog."
    assert ink_outside(upright(desk, data, page), [line.polygon for line in page.lines]) == 0


def test_lines_and_words_come_in_order_without_a_confidence(desk: Desk) -> None:
    page = read(desk, Pdf().page(letter()).written())
    assert page.source == "text"
    assert texts(page.lines)[:2] == ["The quick brown fox jumps over the lazy dog.", "Pack my box with five dozen liquor jugs."]
    assert [word.text for word in page.lines[0].words] == page.lines[0].text.split()
    assert {line.confidence for line in page.lines} == {None}
    tops = [line.polygon[0][1] for line in page.lines]
    assert tops == sorted(tops)


def test_the_page_has_the_size_that_its_raster_would_have(desk: Desk) -> None:
    data = Pdf().page(letter(), box=(0, 0, 400, 792)).written()
    page, raster = read(desk, data), desk.raster(data)
    assert (page.width, page.height, page.dpi) == (raster.width, raster.height, raster.dpi)


def test_force_reads_the_pixels_all_the_same(desk: Desk) -> None:
    file = desk.open(Pdf().page(letter()).written())
    assert isinstance(file.page(1, OcrMode.AUTO), TextLayer)
    assert not isinstance(file.page(1, OcrMode.FORCE), TextLayer)


def test_two_columns_on_the_same_baselines_are_not_merged(desk: Desk) -> None:
    rows = range(8)
    pairs = [text_at(72, 700 - 14 * row, f"Left column, row {row}.") + text_at(330, 700 - 14 * row, f"Right, {row}.") for row in rows]
    lines = texts(read(desk, Pdf().page("".join(pairs)).written()).lines)
    assert set(lines) == {f"Left column, row {row}." for row in rows} | {f"Right, {row}." for row in rows}


def test_columns_are_read_one_after_the_other_where_the_file_has_them_so(desk: Desk) -> None:
    left = "".join(text_at(72, 700 - 14 * row, f"left {row}") for row in range(6))
    right = "".join(text_at(330, 700 - 14 * row, f"right {row}") for row in range(6))
    lines = texts(read(desk, Pdf().page(left + right).written()).lines)
    assert lines == [f"left {row}" for row in range(6)] + [f"right {row}" for row in range(6)]


def test_words_set_apart_without_a_space_have_one_and_kerned_letters_have_none(desk: Desk) -> None:
    kerned = "BT /F 12 Tf 72 600 Td [(T) 80 (otal amo) -20 (unt) -400 (due) -300 (now)] TJ ET\n"
    assert "Total amount due now" in texts(read(desk, Pdf().page(letter() + kerned).written()).lines)


def test_a_raised_figure_stays_in_its_line(desk: Desk) -> None:
    raised = text_at(72, 400, "area of 25 m") + "BT /F 7 Tf 1 0 0 1 137.5 404 Tm (2) Tj ET\n" + text_at(142, 400, "in all")
    assert "area of 25 m2 in all" in texts(read(desk, Pdf().page(letter() + raised).written()).lines)


def test_a_note_up_the_margin_has_a_polygon_of_its_own_direction(desk: Desk) -> None:
    note = "BT /F 12 Tf 0 1 -1 0 40 300 Tm (up the margin) Tj ET\n"
    data = Pdf().page(letter() + note).written()
    page = read(desk, data)
    line = next(line for line in page.lines if line.text == "up the margin")
    (x0, y0), (x1, y1) = line.polygon[0], line.polygon[1]
    assert page.rotation == 0
    assert abs(x1 - x0) < 1
    assert y1 < y0
    assert ink_outside(upright(desk, data, page), [each.polygon for each in page.lines]) == 0


def test_a_slanted_line_keeps_together(desk: Desk) -> None:
    slanted = "BT /F 12 Tf 0.9962 0.0872 -0.0872 0.9962 72 300 Tm (a slightly slanted line of text) Tj ET\n"
    data = Pdf().page(letter() + slanted).written()
    page = read(desk, data)
    line = next(line for line in page.lines if line.text == "a slightly slanted line of text")
    assert line.polygon[1][1] < line.polygon[0][1] - 30
    assert ink_outside(upright(desk, data, page), [each.polygon for each in page.lines]) == 0


POEM = ["春眠不觉晓处处闻啼鸟", "夜来风雨声花落知多少", "白日依山尽黄河入海流"]


def test_chinese_has_no_spaces(desk: Desk) -> None:
    data = chinese([(72, 700 - 24 * row, line) for row, line in enumerate(POEM)])
    assert texts(read(desk, data).lines) == POEM


def test_chinese_from_top_to_bottom_is_read_in_columns_from_the_right(desk: Desk) -> None:
    page = read(desk, chinese([(500 - 40 * column, 700, line) for column, line in enumerate(POEM)], downwards=True))
    assert texts(page.lines) == POEM
    left, top, right, bottom = hull(page.lines[0].polygon)
    assert bottom - top > 9 * (right - left)


def test_a_table_of_contents_is_text_in_spite_of_its_dots(desk: Desk) -> None:
    rows = "".join(text_at(72, 700 - 14 * row, f"Chapter {row} {'.' * 100} {row * 7}") for row in range(1, 9))
    assert texts(read(desk, Pdf().page(rows).written()).lines)[0] == f"Chapter 1 {'.' * 100} 7"


def with_map(text: str, codes: dict[int, str]) -> bytes:
    """A page whose font says what each code means."""
    pdf = Pdf()
    chars = "".join(f"<{code:02x}> <{meaning.encode('utf-16-be').hex()}>\n" for code, meaning in codes.items())
    cmap = f"begincmap 1 begincodespacerange <00> <ff> endcodespacerange {len(codes)} beginbfchar\n{chars}endbfchar endcmap"
    table = pdf.stream("", cmap.encode())
    pdf.objects[2] = f"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode {table} 0 R >>".encode()
    return pdf.page("".join(text_at(72, 700 - 20 * row, text) for row in range(6))).written()


PLAIN = {code: chr(code) for code in range(0x20, 0x7F)}


def test_ligatures_hyphens_and_wide_spaces_become_plain(desk: Desk) -> None:
    data = with_map("o#ce co$op a%b", PLAIN | {ord("#"): "\ufb03", ord("$"): "\u00ad", ord("%"): "\u00a0"})
    assert set(texts(read(desk, data).lines)) == {"office co-op a b"}


def test_full_width_characters_stay_as_they_are(desk: Desk) -> None:
    data = with_map("#$%", {ord("#"): "合", ord("$"): "计", ord("%"): "："})
    assert desk.text(data) is None  # too few characters
    assert texts(read(desk, with_map("#$%#$", {ord("#"): "合", ord("$"): "计", ord("%"): "："})).lines)[0] == "合计：合计"


@pytest.mark.parametrize(
    "meaning",
    ["fffd", "e000", "0001", "d800"],
    ids=["replacement", "private", "control", "half a character"],
)
def test_text_whose_meaning_is_lost_is_read_from_the_pixels(desk: Desk, meaning: str) -> None:
    data = with_map("The eleventh element", PLAIN | {ord("e"): "\u3042"})
    assert desk.text(data.replace(b"<3042>", b"<%s>" % meaning.encode())) is None


def test_english_with_swapped_bytes_is_not_believed_to_be_chinese(desk: Desk) -> None:
    data = with_map("Swapped bytes look like Chinese", {code: chr(code << 8) for code in range(0x21, 0x7F)} | {0x20: " "})
    assert desk.text(data) is None


def test_shifted_letters_are_not_believed(desk: Desk) -> None:
    data = with_map("shifted by half the alphabet", {code: chr(0x21 + code % 15) for code in range(0x21, 0x7F)} | {0x20: " "})
    assert desk.text(data) is None


def test_a_stamp_on_a_scan_is_not_the_page(desk: Desk) -> None:
    pdf = Pdf()
    scan = pdf.image(corners(850, 1100))
    page = picture_at("I", 0, 0, 612, 792) + text_at(72, 770, "Received 2026-11-23 by the front office")
    assert desk.text(pdf.page(page, things=f"/I {scan} 0 R").written()) is None


def dense(more: str) -> str:
    row = "the invisible layer of a page that was recognised before it came here"
    return "".join(text_at(72, 720 - 14 * line, row, more=more) for line in range(45))


def test_the_invisible_layer_of_a_recognised_scan_is_taken(desk: Desk) -> None:
    pdf = Pdf()
    scan = pdf.image(corners(850, 1100))
    page = read(desk, pdf.page(picture_at("I", 0, 0, 612, 792) + dense(INVISIBLE), things=f"/I {scan} 0 R").written())
    assert len(page.lines) == 45
    assert (page.width, page.height) == (850, 1100)


def test_invisible_text_without_a_scan_is_not_the_page(desk: Desk) -> None:
    assert desk.text(Pdf().page(dense(INVISIBLE)).written()) is None


def test_text_outside_of_the_crop_box_is_not_on_the_page(desk: Desk) -> None:
    page = read(desk, Pdf().page(letter() + text_at(72, 100, "cut away"), crop=(0, 400, 612, 792)).written())
    assert "cut away" not in texts(page.lines)


def test_letters_turned_into_curves_are_read_from_the_pixels(desk: Desk) -> None:
    curves = "".join(f"{x} {y} m {x + 3} {y} l {x + 3} {y + 5} l {x} {y + 5} l f\n" for x in range(72, 500, 5) for y in range(100, 600, 12))
    assert desk.text(Pdf().page(letter() + curves).written()) is None


def test_lines_in_no_order_are_read_from_the_pixels(desk: Desk) -> None:
    upwards = "".join(text_at(72, 300 + 20 * row, f"This is line {row} counted from below.") for row in range(15))
    assert desk.text(Pdf().page(upwards).written()) is None


def test_a_page_of_a_few_letters_is_read_from_the_pixels(desk: Desk) -> None:
    assert desk.text(Pdf().page(text_at(72, 700, "Chapter 1")).written()) is None
