"""Lines of two columns that were found as one. The ink is drawn, the quads are as a detector would give them."""

import math

import cv2
import numpy as np
import pytest
from docusnap.adapters.onnx.merged import parted
from docusnap.adapters.onnx.survey import survey
from docusnap.ocr.boxes import GROWN

HEIGHT, PITCH = 40, 60  # of the ink of a line, and from line to line
LEFT, RIGHT = (100, 600), (640, 1140)  # from where to where the columns' ink extends
ACROSS = LEFT[0], RIGHT[1]


class Sheet:
    def __init__(self):
        self.pixels = np.full((1000, 1300, 3), 255, np.uint8)
        self.quads = []

    def line(self, row, *inks, found=None):
        """Strokes from each `inks`' start to its end; `found` as one quad around all, or one around each."""
        top = 100 + round(row * PITCH)
        for start, end in inks:
            for x in range(start, end, 14):
                self.pixels[top : top + HEIGHT, x : min(x + 6, end)] = 0
        for start, end in [found] if found else inks:
            grown = GROWN * HEIGHT
            left, right, upper, lower = start - grown, end + grown, top - 4, top + HEIGHT + 4
            self.quads.append(np.array([[left, upper], [right, upper], [right, lower], [left, lower]], np.float32))

    def columns(self, *rows):
        for row in rows:
            self.line(row, LEFT, RIGHT)

    def tilted(self, degrees):
        turn = cv2.getRotationMatrix2D((650, 500), -degrees, 1.0)
        self.pixels = cv2.warpAffine(self.pixels, turn, (1300, 1000), borderValue=(255, 255, 255))
        self.quads = [np.float32(quad @ turn[:, :2].T + turn[:, 2]) for quad in self.quads]
        return self

    def parted(self):
        """The row of each resulting line, and from where to where it extends."""
        return sorted(
            (round((float(q[0, 1]) - 96) / PITCH, 1), float(q[0, 0]), float(q[1, 0])) for q in parted(self.quads, survey(self.pixels).ink)
        )


@pytest.fixture
def sheet():
    return Sheet()


@pytest.mark.parametrize("merged", [0, 1, 3, 5])
def test_a_line_over_two_columns_is_parted_in_the_white(sheet, merged):
    sheet.columns(*(row for row in range(6) if row != merged))
    sheet.line(merged, LEFT, RIGHT, found=ACROSS)
    found = sheet.parted()
    assert [row for row, _, _ in found] == [row for row in range(6) for _ in range(2)]
    for (_, *left), (_, *right) in zip(found[::2], found[1::2], strict=True):
        assert (left, right) == (pytest.approx([86, 614], abs=10), pytest.approx([626, 1154], abs=10))


def test_a_line_that_reaches_into_the_gutter_is_parted_where_the_column_begins(sheet):
    sheet.columns(0, 1, 3, 4)
    sheet.line(2, (100, 620), RIGHT, found=ACROSS)
    left, right = (line[1:] for line in sheet.parted() if line[0] == 2)
    assert (left, right) == (pytest.approx([86, 630], abs=10), pytest.approx([630, 1154], abs=10))


def test_three_columns_found_as_one_line(sheet):
    inks = (100, 400), (430, 730), (760, 1060)
    for row in (0, 1, 3, 4):
        sheet.line(row, *inks)
    sheet.line(2, *inks, found=(100, 1060))
    assert len([row for row, _, _ in sheet.parted() if row == 2]) == 3


@pytest.mark.parametrize("degrees", [-5, 4])
def test_a_tilted_page(sheet, degrees):
    sheet.columns(0, 1, 3, 4)
    sheet.line(2, LEFT, RIGHT, found=ACROSS)
    sheet.tilted(degrees)
    found = parted(sheet.quads, survey(sheet.pixels).ink)
    assert len(found) == 10
    for quad in found:
        assert math.degrees(math.atan2(*(quad[1] - quad[0])[::-1])) == pytest.approx(degrees, abs=0.1)


@pytest.mark.parametrize(("row", "columns"), [(-1.6, range(4)), (5.6, range(5)), (2, (0, 0.8, 3.2, 4))], ids=["above", "below", "between"])
def test_a_heading_over_columns_stays_whole_though_a_space_stands_where_a_column_begins(sheet, row, columns):
    sheet.columns(*columns)
    sheet.line(row, LEFT, RIGHT, found=ACROSS)
    assert len(sheet.parted()) == len(sheet.quads)


def test_without_white_nothing_is_cut(sheet):
    sheet.columns(0, 1, 3, 4)
    sheet.line(2, ACROSS)
    assert len(sheet.parted()) == 9


def test_two_lines_are_no_column(sheet):
    sheet.columns(0, 2)
    sheet.line(1, LEFT, RIGHT, found=ACROSS)
    assert len(sheet.parted()) == 5


def test_lines_that_do_not_begin_flush_are_no_column(sheet):
    for row, start in ((0, 640), (1, 700), (3, 760), (4, 820)):
        sheet.line(row, LEFT, (start, 1140))
    sheet.line(2, LEFT, RIGHT, found=ACROSS)
    assert len(sheet.parted()) == 9


@pytest.mark.parametrize("quads", [[], [np.array([[0, 0], [0, 0], [0, 0], [0, 0]], np.float32)]], ids=["none", "a point"])
def test_nothing_to_part(quads):
    assert len(parted(quads, survey(np.full((50, 50, 3), 255, np.uint8)).ink)) == len(quads)


@pytest.mark.parametrize("lean", [0, 2])
def test_lines_on_the_edge_of_the_page(sheet, lean):
    sheet.columns(0, 1, 3, 4)
    sheet.pixels = np.pad(sheet.pixels, ((0, 6), (0, 6), (0, 0)), constant_values=255)
    sheet.quads.append(np.array([[900, 1001], [1306, 1001 + lean], [1306, 1006], [900, 1006 - lean]], np.float32))
    sheet.quads.append(np.array([[1301, 300], [1306, 300 + lean], [1306, 304], [1301, 304 - lean]], np.float32))
    assert len(sheet.parted()) == 10


def test_the_page_is_white_on_black(sheet):
    sheet.columns(0, 1, 3, 4)
    sheet.line(2, LEFT, RIGHT, found=ACROSS)
    sheet.pixels = 255 - sheet.pixels
    assert len(sheet.parted()) == 10


def test_lines_that_are_all_found_as_one_are_parted_where_they_have_the_same_white(sheet):
    for row in range(6):
        sheet.line(row, LEFT, RIGHT, found=ACROSS)
    found = sheet.parted()
    assert [row for row, _, _ in found] == [row for row in range(6) for _ in range(2)]


@pytest.mark.parametrize(("count", "parts"), [(4, 1), (5, 2)])
def test_a_few_lines_with_the_same_white_tell_nothing(sheet, count, parts):
    for row in range(count):
        sheet.line(row, LEFT, RIGHT, found=ACROSS)
    assert len(sheet.parted()) == parts * count


def test_white_as_wide_as_the_gaps_between_words_parts_no_line(sheet):
    for row in range(7):
        sheet.line(row, (100, 300), (340, 560), (600, 860), (900, 1140), found=(100, 1140))
    assert len(sheet.parted()) == 7


def test_a_line_that_goes_on_over_the_white_parts_what_is_above_it_from_what_is_below(sheet):
    for row in range(7):
        sheet.line(row, *([ACROSS] if row == 3 else [LEFT, RIGHT]), found=ACROSS)
    assert len(sheet.parted()) == 7


def test_first_lines_of_paragraphs_are_parted_too(sheet):
    for row in range(7):
        sheet.line(row, LEFT, (700 if row in {2, 5} else RIGHT[0], RIGHT[1]), found=ACROSS)
    assert len(sheet.parted()) == 14


def test_a_box_that_has_grown_into_the_other_column_tells_of_it_all_the_same(sheet):
    for row in (0, 1, 3, 4):
        sheet.line(row, LEFT, found=(100, 610))
        sheet.line(row, RIGHT, found=(610, 1140))
    sheet.line(2, LEFT, RIGHT, found=ACROSS)
    assert len(sheet.parted()) == 10


def test_rows_of_a_form_do_not_tell_of_white_that_is_no_wider_than_gaps_between_words(sheet):
    for row in range(4):
        sheet.line(row, (100, 240), (760, 1140))
    for row in range(4, 7):
        sheet.line(row, (100, 300), (340, 600), (640, 860), (900, 1140), found=(100, 1140))
    assert len(sheet.parted()) == 4 * 2 + 3
