"""Reading order, on small layouts drawn in characters' boxes: every line is 20 pixels high and a letter 10 wide."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest
from docusnap.model import Block, Line, Polygon, Word
from docusnap.ocr.reading_order import arrange

PITCH = 26


def box(left: float, top: float, width: float, height: float = 20) -> Polygon:
    return ((left, top), (left + width, top), (left + width, top + height), (left, top + height))


def line(text: str, left: float, top: float, *, width: float | None = None, height: float = 20) -> Line:
    polygon = box(left, top, width or len(text) * height / 2, height)
    return Line(text, 0.9, polygon, (Word(text, 0.9, polygon),))


def column(name: str, left: float, top: float, count: int, *, width: float = 300, pitch: float = PITCH) -> list[Line]:
    """Running text: every line is as wide as its column, but for the last."""
    return [
        line(f"{name}{number} goes on like this", left, top + number * pitch, width=width if number + 1 < count else width / 2)
        for number in range(count)
    ]


def row(top: float, *cells: tuple[str, float]) -> list[Line]:
    return [line(text, left, top) for text, left in cells]


def turned(lines: Sequence[Line], degrees: float) -> list[Line]:
    """The same page, scanned at a slant: clockwise about its top left."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [
        Line(each.text, each.confidence, tuple((x * cosine - y * sine, x * sine + y * cosine) for x, y in each.polygon)) for each in lines
    ]


def read(lines: Sequence[Line]) -> list[str]:
    """The texts in reading order, whatever order the detector found them in."""
    shuffled = random.Random(7).sample(lines, len(lines))
    return [each.text for each in arrange(shuffled).lines]


def texts(*parts: Sequence[Line]) -> list[str]:
    return [each.text for part in parts for each in part]


def test_a_page_without_text_has_no_lines_and_no_blocks() -> None:
    layout = arrange([])

    assert (layout.lines, layout.blocks) == ((), ())


def test_lines_follow_downwards() -> None:
    page = column("a", 100, 50, 12)

    assert read(page) == texts(page)


@pytest.mark.parametrize("count", [2, 3])
def test_columns_of_running_text_are_read_one_after_the_other(count: int) -> None:
    columns = [column("abc"[number], 50 + number * 330, 50, 10) for number in range(count)]

    assert read(texts_of(columns)) == texts(*columns)


def texts_of(parts: Sequence[Sequence[Line]]) -> list[Line]:
    return [each for part in parts for each in part]


def test_columns_are_parted_even_where_their_lines_do_not_stand_level() -> None:
    left, right = column("left", 50, 50, 10), column("right", 380, 61, 8)

    assert read([*left, *right]) == texts(left, right)


def test_a_box_that_the_detector_drew_too_long_does_not_close_the_gutter() -> None:
    left, right = column("left", 50, 50, 10), column("right", 380, 50, 10)
    left[3] = line("left3", 50, 50 + 3 * PITCH, width=333)

    assert read([*left, *right]) == texts(left, right)


def test_a_heading_over_both_columns_comes_first_and_a_footer_last() -> None:
    heading, footer = line("The heading of it all", 200, 20, height=30), line("Page 3", 50, 500)
    left, right = column("left", 50, 90, 12), column("right", 380, 90, 12)

    assert read([heading, *left, *right, footer]) == [heading.text, *texts(left, right), footer.text]


def test_a_page_number_at_the_top_right_comes_before_the_columns() -> None:
    number, left, right = line("17", 640, 20), column("left", 50, 90, 10), column("right", 380, 90, 10)

    assert read([number, *left, *right]) == ["17", *texts(left, right)]


def test_a_wide_paragraph_parts_the_columns_above_it_from_those_below() -> None:
    above = [column("a", 50, 50, 6), column("b", 380, 50, 6)]
    wide = column("wide", 50, 260, 3, width=630)
    below = [column("c", 50, 400, 6), column("d", 380, 400, 6)]

    assert read(texts_of([*above, wide, *below])) == texts(*above, wide, *below)


def test_a_heading_on_the_left_belongs_to_what_follows_below_it() -> None:
    left, right = column("left", 50, 50, 8), column("right", 380, 50, 8)
    heading, wide = line("More", 50, 290, height=26), column("wide", 50, 322, 3, width=630)

    assert read([*left, *right, heading, *wide]) == texts(left, right, [heading], wide)


def test_a_short_heading_between_two_stories_ends_the_columns_above_it() -> None:
    above = [column("a", 50, 50, 6), column("b", 380, 50, 6)]
    heading = [line("More", 50, 240, height=30)]
    below = [column("c", 50, 290, 6), column("d", 380, 290, 6)]

    assert read(texts_of([*above, heading, *below])) == texts(*above, heading, *below)


def test_stories_in_columns_of_another_number_follow_each_other() -> None:
    above = [column("abc"[n], 50 + 220 * n, 50, 8, width=200) for n in range(3)]
    heading = [line("A heading", 50, 290, height=30)]
    below = [column("de"[n], 50 + 330 * n, 340, 8) for n in range(2)]

    assert read(texts_of([*above, heading, *below])) == texts(*above, heading, *below)


def test_headings_within_columns_do_not_part_them() -> None:
    left = [*column("a", 50, 50, 5), line("Left head", 50, 200, height=26), *column("b", 50, 236, 9)]
    right = [*column("c", 380, 50, 8), line("Right head", 380, 278, height=26), *column("d", 380, 314, 6)]

    assert read([*left, *right]) == texts(left, right)


def test_a_column_goes_on_below_a_picture() -> None:
    left = [*column("a", 50, 50, 5), line("Fig. 1", 60, 400, height=16), *column("b", 50, 470, 6)]
    right = column("right", 380, 50, 16)

    assert read([*left, *right]) == texts(left, right)


def test_a_table_that_shares_the_gutter_of_the_columns_above_it_keeps_its_rows() -> None:
    columns = [column("a", 50, 50, 8), column("b", 380, 50, 8)]
    table = [row(300 + 40 * n, (f"Item {n}", 50), (f"{n}.00", 500)) for n in range(5)]

    assert read(texts_of([*columns, *table])) == texts(*columns, *table)


def test_a_term_stands_before_its_definition() -> None:
    terms = [[line(f"term{n}", 50, 50 + 90 * n), *column(f"d{n}-", 200, 50 + 90 * n, 3)] for n in range(5)]

    assert read(texts_of(terms)) == texts(*terms)


def test_each_page_of_a_spread_keeps_its_number() -> None:
    pages = [[*column("lr"[n], 50 + 450 * n, 50, 12), line(f"{n + 8}", 190 + 450 * n, 420)] for n in range(2)]

    assert read(texts_of(pages)) == texts(*pages)


def test_a_title_below_its_columns_takes_along_what_stands_over_it_in_one_of_them() -> None:
    left, right = column("left", 50, 50, 8), column("right", 380, 50, 14)
    over, title = line("In larger type", 50, 370, height=26), line("A title below the columns of its text", 50, 430, height=40)

    assert read([*left, over, title, *right]) == texts(left, right, [over, title])


def test_a_word_that_stands_apart_in_its_line_makes_no_column() -> None:
    page = column("a", 50, 50, 12, width=600)
    page[4:6] = [
        each for n in (4, 5) for each in (line(f"x{n}", 50, 50 + n * PITCH, width=290), line(f"y{n}", 358, 50 + n * PITCH, width=290))
    ]

    assert " ".join(read(page)) == " ".join(texts(page))


def test_a_form_is_read_row_by_row() -> None:
    rows = [
        row(50 + 50 * n, (label, 50), (value, 300)) for n, (label, value) in enumerate([("Name", "Ada"), ("Town", "Leeds"), ("Age", "36")])
    ]

    assert read(texts_of(rows)) == ["Name", "Ada", "Town", "Leeds", "Age", "36"]


def test_a_form_with_long_labels_and_values_is_read_row_by_row() -> None:
    labels = ["Name of the applicant", "Street and number", "Place and country", "Date of the birth"]
    values = ["Johann Sebastian Miller", "22 Mill Lane, rear", "Thornby, England", "14 March 1987"]
    rows = [row(50 + 44 * n, (label, 50), (value, 330)) for n, (label, value) in enumerate(zip(labels, values, strict=True))]

    assert read(texts_of(rows)) == texts(*rows)


def test_a_receipt_keeps_each_price_with_its_item() -> None:
    items = [("Coffee", "3.20"), ("Bread and butter", "4.80"), ("Two boiled eggs", "2.60"), ("Total", "10.60")]
    rows = [row(50 + 28 * n, (item, 40), (price, 330)) for n, (item, price) in enumerate(items)]

    assert read(texts_of(rows)) == texts(*rows)


def test_a_table_below_a_form_does_not_make_columns_of_it() -> None:
    form = [row(50 + 40 * n, ("Label", 50), (f"a value {n}", 300)) for n in range(4)]
    table = [row(260 + 34 * n, (f"Item number {n}", 50), (f"{n}", 460), (f"{n}.00", 560)) for n in range(5)]

    assert read(texts_of([*form, *table])) == texts(*form, *table)


@pytest.mark.parametrize("pitch", [40, 48, 60])
def test_columns_whose_lines_stand_far_apart_are_columns_all_the_same(pitch: int) -> None:
    left, right = column("left", 50, 50, 10, pitch=pitch), column("right", 380, 50, 10, pitch=pitch)

    assert read([*left, *right]) == texts(left, right)


def test_chinese_columns_whose_lines_stand_far_apart_are_columns_all_the_same() -> None:
    columns = [[line("测绘队的队长在阅览室里整理了钟楼", 50 + 380 * n, 50 + 46 * row, width=320) for row in range(8)] for n in range(2)]

    assert read(texts_of(columns)) == texts(*columns)


@pytest.mark.parametrize("pitch", [26, 34])
def test_a_table_whose_cells_are_of_one_length_is_read_row_by_row(pitch: int) -> None:
    cells = [(f"{n:08x}-93c0-4f1a", f"2026-11-{n + 10} 14:{n + 20}:07") for n in range(9)]
    rows = [row(50 + pitch * n, (one, 50), (other, 330)) for n, (one, other) in enumerate(cells)]

    assert read(texts_of(rows)) == texts(*rows)


def test_a_table_of_names_and_addresses_is_read_row_by_row() -> None:
    names = ["Ada", "Grace", "Emmy", "Sophie", "Maria", "Hedy", "Lise", "Rosalind"]
    rows = [row(50 + 28 * n, (name, 50), (f"{name.lower()}@thornby.org", 180), (f"+44 1632 9600{n}", 420)) for n, name in enumerate(names)]

    assert read(texts_of(rows)) == texts(*rows)


def test_an_index_of_words_is_read_column_by_column() -> None:
    words = ["bell, 12", "clock tower, 4", "ferry, 31", "flour, 9", "harbour wall, 2", "letters, 17", "quay, 6", "tide tables, 40"]
    columns = [[line(word, 50 + 250 * n, 50 + PITCH * at) for at, word in enumerate(words)] for n in range(3)]

    assert read(texts_of(columns)) == texts(*columns)


def test_a_table_whose_cells_have_several_lines_is_read_cell_by_cell() -> None:
    rows = [
        [line(f"Row {n}", 50, 50 + 110 * n), *column(f"a{n}", 180, 50 + 110 * n, 3), *column(f"b{n}", 520, 50 + 110 * n, 2 + n % 2)]
        for n in range(4)
    ]

    assert read(texts_of(rows)) == texts(*rows)


def test_labels_in_the_middle_of_long_cells_are_read_before_them() -> None:
    rows = [[line(f"Label {n}", 50, 50 + 110 * n + PITCH), *column(f"a{n}", 250, 50 + 110 * n, 3)] for n in range(4)]

    assert read(texts_of(rows)) == texts(*rows)


def test_a_cell_of_two_lines_is_read_whole_before_what_stands_beside_it() -> None:
    rows = [
        [
            line(f"{n + 3} May", 50, 50 + 80 * n),
            *column(f"paid{n}", 150, 50 + 80 * n, 1 + n % 2, width=300),
            line(f"{n}7.50", 520, 50 + 80 * n),
        ]
        for n in range(5)
    ]

    assert read(texts_of(rows)) == texts(*rows)


def test_panels_are_read_one_after_the_other_and_row_by_row() -> None:
    panels = [
        [
            line(f"Panel {down}{across}", 50 + 330 * across, 50 + 260 * down, height=26),
            *column(f"p{down}{across}-", 50 + 330 * across, 90 + 260 * down, 5),
        ]
        for down in range(2)
        for across in range(2)
    ]

    assert read(texts_of(panels)) == texts(*panels)


def test_a_menu_beside_a_text_is_read_apart_from_it() -> None:
    names = ["Home", "What is new", "Guides", "Reference", "Questions", "Downloads", "Licence", "About us", "Contact"]
    menu = [line(name, 50, 52 + 37 * n) for n, name in enumerate(names)]
    text = column("text", 220, 50, 13)

    assert read([*menu, *text]) == texts(menu, text)


def test_a_picture_over_both_columns_parts_them() -> None:
    parts = [column(name, 50 + 330 * n, top, 6) for top, names in ((50, "ab"), (400, "cd")) for n, name in enumerate(names)]

    assert read(texts_of(parts)) == texts(*parts)


def test_pictures_in_both_columns_do_not_part_them() -> None:
    left = [*column("a", 50, 50, 8, width=300)[:7], *column("b", 50, 414, 9)]
    right = [*column("c", 380, 50, 10), *column("d", 380, 492, 6)]

    assert read([*left, *right]) == texts(left, right)


def test_a_short_heading_ends_the_columns_above_it_also_where_the_right_one_is_longer() -> None:
    above = [column("a", 50, 50, 6), column("b", 380, 50, 7)]
    heading = [line("More", 50, 266, height=30)]
    below = [column("c", 50, 316, 6), column("d", 380, 316, 6)]

    assert read(texts_of([*above, heading, *below])) == texts(*above, heading, *below)


@pytest.mark.parametrize("degrees", [-2, -1, 1, 2])
def test_a_slanted_scan_is_read_like_a_straight_one(degrees: float) -> None:
    heading, left, right = [line("A heading over both of them", 150, 20)], column("l", 50, 90, 20), column("r", 380, 90, 20)

    assert read(turned([*heading, *left, *right], degrees)) == texts(heading, left, right)


@pytest.mark.parametrize("degrees", [-2, 2])
def test_a_slanted_form_keeps_its_rows(degrees: float) -> None:
    rows = [row(50 + 40 * n, (f"A label of some length {n}", 50), (f"value {n}", 700)) for n in range(6)]

    assert read(turned(texts_of(rows), degrees)) == texts(*rows)


@pytest.mark.parametrize("degrees", [0, 1.5])
def test_vertical_columns_run_from_right_to_left(degrees: float) -> None:
    columns = [Line(f"第{n}列的文字", 0.9, box(600 - 40 * n, 50, 24, 400 if n < 7 else 200)) for n in range(8)]

    assert read(turned(columns, degrees)) == texts(columns)


def test_vertical_text_in_two_tiers_reads_the_upper_tier_first() -> None:
    upper = [Line(f"上段第{n}列的文字很长", 0.9, box(600 - 36 * n, 50, 24, 200)) for n in range(8)]
    lower = [Line(f"下段第{n}列的文字很长", 0.9, box(600 - 36 * n, 290, 24, 200)) for n in range(8)]

    assert read([*upper, *lower]) == texts(upper, lower)


def test_a_heading_above_vertical_text_comes_first_and_its_page_number_last() -> None:
    columns = [Line(f"第{n}列的文字", 0.9, box(600 - 40 * n, 100, 24, 400)) for n in range(8)]
    heading, number = line("横排的标题在这里", 340, 40, height=30), line("82", 450, 540)

    assert read([number, *columns, heading]) == texts([heading], columns, [number])


def test_a_vertical_sign_beside_horizontal_text_does_not_turn_the_page() -> None:
    text, sign = column("line", 50, 50, 8), Line("先领券后购物", 0.9, box(500, 40, 60, 400))

    assert [each for each in read([*text, sign]) if each != sign.text] == texts(text)


def test_pieces_of_a_line_a_word_gap_apart_are_joined() -> None:
    joined = arrange([line("world", 112, 51), line("Hello", 50, 50)]).lines

    assert [each.text for each in joined] == ["Hello world"]
    assert [word.text for word in joined[0].words] == ["Hello", "world"]
    assert joined[0].polygon == ((50, 50), (162, 50), (162, 71), (50, 71))


def test_joined_chinese_gets_no_space() -> None:
    assert read([line("世界", 104, 50, width=40), line("你好", 50, 50, width=40)]) == ["你好世界"]


def test_a_joined_line_is_as_sure_as_its_weakest_piece() -> None:
    sure, unsure = Line("abc", 1.0, box(50, 50, 30)), Line("d", 0.2, box(90, 50, 10))

    assert arrange([sure, unsure]).lines[0].confidence == 0.2


def test_a_joined_line_without_confidence_has_none() -> None:
    assert arrange([Line("a", None, box(50, 50, 10)), Line("b", None, box(66, 50, 10))]).lines[0].confidence is None


def test_pieces_of_different_size_are_not_joined() -> None:
    assert read([line("Linn", 50, 40, height=40), line("Electronics", 140, 50)]) == ["Linn", "Electronics"]


def test_a_joined_vertical_line_has_its_corners_clockwise_from_the_pages_top_left() -> None:
    parts = [Line("上面的字", 0.9, box(100, 50, 24, 96)), Line("下面的字", 0.9, box(100, 152, 24, 96))]

    (joined,) = arrange(parts).lines
    assert joined.text == "上面的字下面的字"
    assert joined.polygon == box(100, 50, 24, 198)


def test_paragraphs_end_where_the_step_down_is_wider() -> None:
    page = [*column("a", 50, 50, 4), *column("b", 50, 50 + 4 * PITCH + 24, 3)]

    assert arrange(page).blocks == (Block("paragraph", 0, 3), Block("paragraph", 4, 6))


def test_evenly_spaced_lines_are_one_paragraph_however_wide_the_spacing() -> None:
    assert arrange(column("a", 50, 50, 6, pitch=50)).blocks == (Block("paragraph", 0, 5),)


def test_a_few_rows_in_larger_type_are_a_heading() -> None:
    page = [line("A heading", 50, 40, height=34), *column("running text ", 50, 80, 4)]

    assert arrange(page).blocks == (Block("heading", 0, 0), Block("paragraph", 1, 4))


def test_rows_of_several_cells_are_a_table() -> None:
    rows = [row(50 + 28 * n, (f"Item {n}", 40), (f"{n}.20", 330)) for n in range(4)]

    assert arrange(texts_of(rows)).blocks == (Block("table", 0, 7),)


def test_every_line_is_in_exactly_one_block() -> None:
    layout = arrange([*column("a", 50, 50, 9), *column("b", 380, 57, 9), *row(600, ("x", 50), ("y", 300))])

    assert [number for block in layout.blocks for number in range(block.first, block.last + 1)] == list(range(len(layout.lines)))


def test_nothing_is_lost_or_doubled_however_the_boxes_lie() -> None:
    chance = random.Random(3)
    page = [
        Line(f"{n}", 0.5, box(chance.uniform(0, 900), chance.uniform(0, 900), chance.uniform(1, 400), chance.uniform(1, 80)))
        for n in range(300)
    ]

    assert sorted(word for each in arrange(page).lines for word in each.text.split()) == sorted(each.text for each in page)


def test_boxes_without_extent_are_ordered_too() -> None:
    assert read([Line("a", 0.9, ((5.0, 5.0),) * 4), Line("b", 0.9, ((5.0, 50.0),) * 4)]) == ["a", "b"]


def test_a_flat_box_beside_a_line_is_ordered_too() -> None:
    assert read([Line("flat", 0.9, box(0, 10, 50, 0)), line("line", 100, 0)]) == ["flat", "line"]
