"""The kinds of page. Each draws one sheet from a seeded generator; what it draws first is read first."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.pages import text
from benchmarks.pages.sheet import Sheet

A4 = (595.0, 842.0)
Kind = Callable[[random.Random], Sheet]
KINDS: dict[str, Kind] = {}


@dataclass(frozen=True, slots=True)
class Style:
    """How running text is set."""

    language: str
    face: str
    heading: str
    size: float
    leading: float = 1.3

    @property
    def step(self) -> float:
        return self.size * self.leading


ENGLISH = Style("en", "serif", "bold", 10)
CHINESE = Style("zh", "song", "hei", 10.5, 1.55)


def kind(draw: Kind) -> Kind:
    """Adds a kind of page; its name is the page's."""
    KINDS[draw.__name__] = draw
    return draw


def story(rng: random.Random, sheet: Sheet, style: Style, width: float, height: float) -> list[str]:
    """Lines of running text in paragraphs that fill a column so wide and so high."""
    lines: list[str] = []
    while len(lines) * style.step < height - style.step:
        lines += sheet.wrapped(text.paragraph(rng, style.language, rng.randint(120, 420)), style.face, style.size, width)
    return lines[: int((height - 0.3 * style.size) / style.step)]


def columns(
    rng: random.Random, sheet: Sheet, style: Style, count: int, area: tuple[float, float, float, float], gutter: float = 18
) -> None:
    """Running text in columns of one width over an area (left, top, right, bottom), each a block of its own."""
    left, top, right, bottom = area
    width = (right - left - gutter * (count - 1)) / count
    for number in range(count):
        sheet.block()
        lines = story(rng, sheet, style, width, bottom - top)
        if number + 1 == count:
            lines = lines[: max(2, round(len(lines) * rng.uniform(0.55, 1)))]
        sheet.flow(lines, left + number * (width + gutter), top, style.face, style.size, step=style.step, bottom=bottom + style.size)


def running(count: int, style: Style, *, dense: bool) -> Kind:
    def draw(rng: random.Random) -> Sheet:
        sheet = Sheet(*A4, 300)
        size = style.size - 1.5 if dense else style.size + 2
        own = Style(style.language, style.face, style.heading, size, style.leading if dense else style.leading + 0.25)
        sheet.line(text.title(rng, style.language), 56, 60, style.heading, size * 1.8)
        columns(rng, sheet, own, count, area=(56, 100, 539, 780 if dense else 460))
        return sheet

    return draw


for count in (1, 2, 3):
    for name, style in (("english", ENGLISH), ("chinese", CHINESE)):
        for dense in (True, False):
            KINDS[f"{name}_{count}_columns_{'dense' if dense else 'sparse'}"] = running(count, style, dense=dense)


@kind
def headings_across(rng: random.Random) -> Sheet:
    """A page number on top, two stories in columns, each under a heading across all, and a footer."""
    sheet, style = Sheet(*A4, 200), Style("en", "serif", "bold", 9.5)
    sheet.line("The Wexley Messenger", 56, 36, "sans", 8)
    sheet.line(str(rng.randint(2, 90)), 539, 36, "sans", 8, anchor="r")
    for top, bottom, count in ((66, 400, 3), (425, 770, 2)):
        sheet.block()
        sheet.line(text.title(rng, "en"), 56, top, "bold", 19)
        sheet.line(text.title(rng, "en") + ", as told by those who were there", 56, top + 26, "sans", 11)
        columns(rng, sheet, style, count, area=(56, top + 52, 539, bottom), gutter=14)
    sheet.block()
    sheet.line("Printed by Harbour Street Press, Thornby", 297, 800, "sans", 7.5, anchor="m")
    return sheet


@kind
def newspaper(rng: random.Random) -> Sheet:
    """Narrow columns with rules between them; each has several stories under headings."""
    sheet, style = Sheet(*A4, 250), Style("en", "serif", "bold", 8, 1.2)
    sheet.line("THE THORNBY COURIER", 297, 40, "bold", 26, anchor="m")
    sheet.rule(40, 78, 555, 78)
    width, gutter = 122.0, 9.0
    for number in range(4):
        x = 40 + number * (width + gutter)
        if number:
            sheet.rule(x - gutter / 2, 84, x - gutter / 2, 800)
        y = 88.0
        while y < 720:
            sheet.block()
            for line in sheet.wrapped(text.title(rng, "en"), "bold", 11, width):
                sheet.line(line, x, y, "bold", 11)
                y += 14
            y += 4
            lines = story(rng, sheet, style, width, min(rng.uniform(110, 260), 795 - y))
            y = sheet.flow(lines, x, y, style.face, style.size, step=style.step, bottom=805)
            y += 14
    return sheet


@kind
def side_bar(rng: random.Random) -> Sheet:
    """One wide column, and beside it a box with notes, read after it."""
    sheet = Sheet(*A4, 200)
    sheet.line(text.title(rng, "en"), 56, 60, "bold", 20)
    columns(rng, sheet, ENGLISH, 1, area=(56, 104, 370, 780))
    sheet.box(392, 100, 545, 420, fill=232)
    sheet.block()
    sheet.line("In brief", 402, 108, "bold", 12)
    for number in range(5):
        sheet.block()
        lines = sheet.wrapped(text.paragraph(rng, "en", 40), "sans", 8.5, 132)[:4]
        sheet.flow(lines, 402, 132 + number * 56, "sans", 8.5, step=11.2, bottom=420)
    return sheet


@kind
def captions_and_footnotes(rng: random.Random) -> Sheet:
    """A figure with a caption in the first of two columns; footnotes under a short rule; a running head."""
    sheet, style = Sheet(*A4, 200), Style("en", "serif", "bold", 9.5)
    sheet.line("Annals of the Quay, vol. 12", 297, 38, "serif", 8.5, anchor="m")
    columns(rng, sheet, style, 1, area=(56, 70, 288, 250))
    for number in range(14):
        sheet.rule(60 + 15 * number, 420 - 8 * rng.random() * number, 72 + 15 * number, 420, weight=3, ink=90)
    sheet.block()
    for number, line in enumerate(
        sheet.wrapped(f"Fig. {rng.randint(1, 9)}. {text.title(rng, 'en')} {rng.choice(text.ENGLISH['where'])}.", "sans", 8, 225)
    ):
        sheet.line(line, 60, 428 + 10.5 * number, "sans", 8)
    columns(rng, sheet, style, 1, area=(56, 466, 288, 700))
    columns(rng, sheet, style, 1, area=(306, 70, 538, 700))
    sheet.rule(56, 716, 150, 716)
    for number in (1, 2):
        sheet.block()
        sheet.line(f"{number} {text.sentence(rng, text.ENGLISH)}"[:105], 56, 704 + number * 17, "serif", 7.5)
    return sheet


@kind
def table(rng: random.Random) -> Sheet:
    """Ruled cells, read row by row."""
    sheet = Sheet(*A4, 200)
    sheet.line("Deliveries by quarter", 56, 60, "bold", 16)
    edges, top, step = (56, 236, 312, 388, 464, 540), 100.0, 22.0
    for number in range(25):
        y = top + number * step
        sheet.rule(edges[0], y - 6, edges[-1], y - 6)
        sheet.block()
        cells = (
            ["Article", "Spring", "Summer", "Autumn", "Winter"] if number == 0 else [text.title(rng, "en")[:28].strip(), *figures(rng, 4)]
        )
        for column, cell in enumerate(cells):
            sheet.line(cell, edges[0] + 4 if column == 0 else edges[column + 1] - 6, y, "sans", 9, anchor="r" if column else "l")
    for x in edges:
        sheet.rule(x, top - 6, x, top + 25 * step - 6)
    return sheet


def figures(rng: random.Random, count: int) -> list[str]:
    return [f"{rng.randint(1, 9999):,}.{rng.randint(0, 99):02}" for _ in range(count)]


@kind
def form(rng: random.Random) -> Sheet:
    """Labels and what was filled in, read row by row; two fields a row in its middle part."""
    sheet = Sheet(*A4, 200)
    sheet.line("Application for a mooring", 56, 60, "bold", 18)
    rows = [[("Surname", "Okonkwo")], [("First name", "Amara Jane")], [("Street and number", f"{rng.randint(2, 98)} Mill Lane")]]
    rows += [
        [("Date of birth", f"{rng.randint(1, 28)} March 19{rng.randint(50, 99)}"), ("Telephone", f"01632 960 {rng.randint(100, 999)}")]
    ]
    rows += [[("Length of boat", f"{rng.randint(4, 19)}.{rng.randint(0, 9)} m"), ("Draught", f"1.{rng.randint(0, 9)} m")]]
    rows += [[("Name of boat", text.title(rng, "en")[:24].strip())], [("申请人", "陈先生")], [("地址", "石桥镇北门外12号")]]
    for number, fields in enumerate(rows):
        sheet.block()
        for column, (label, value) in enumerate(fields):
            chinese = any(letter > "一" for letter in label)
            x, y = 56 + 250 * column, 120 + 34 * number
            sheet.line(label, x, y, "hei" if chinese else "sans", 9)
            sheet.line(value, x + 110, y - 1, "song" if chinese else "mono", 10.5)
            sheet.rule(x + 108, y + 15, x + 235, y + 15, ink=120)
    return sheet


@kind
def receipt(rng: random.Random) -> Sheet:
    """A narrow till roll: articles left, prices right, row by row."""
    sheet = Sheet(227, 520, 200)
    for number, line in enumerate(("HARBOUR STREET BAKERY", "22 Mill Lane, Thornby", f"No. {rng.randint(10000, 99999)}")):
        sheet.line(line, 113, 20 + 15 * number, "mono", 9, anchor="m")
    for number in range(18):
        sheet.block()
        sheet.line(f"{rng.randint(1, 6)} x {rng.choice(text.ENGLISH['what']).split()[-1]}", 14, 84 + 20 * number, "mono", 9)
        sheet.line(f"{rng.randint(1, 99)}.{rng.randint(0, 99):02}", 213, 84 + 20 * number, "mono", 9, anchor="r")
    sheet.block()
    sheet.line("TOTAL", 14, 464, "mono", 12)
    sheet.line(f"{rng.randint(100, 999)}.{rng.randint(0, 99):02}", 213, 464, "mono", 12, anchor="r")
    return sheet


@kind
def spread(rng: random.Random) -> Sheet:
    """Two pages of a book on one scan, each with its number."""
    sheet, first = Sheet(842, 595, 200), 2 * rng.randint(4, 90)
    for number in range(2):
        x = 50 + 421 * number
        columns(rng, sheet, ENGLISH, 1, area=(x, 56, x + 321, 530))
        sheet.block()
        sheet.line(str(first + number), x + 160, 552, "serif", 9, anchor="m")
    sheet.rule(421, 0, 421, 595, weight=4, ink=190)
    return sheet


@kind
def vertical_chinese(rng: random.Random) -> Sheet:
    """Lines from top to bottom, the first one at the right, under a title that stands upright at the right too."""
    sheet, size = Sheet(420, 595, 200), 15.0
    sheet.down(text.title(rng, "zh"), 380, 50, "hei", 20)
    sheet.block()
    body = "".join(letter for letter in text.paragraph(rng, "zh", 300) if letter > "一" or letter in "，。")
    length = 28
    for number, start in enumerate(range(0, min(len(body), 13 * length), length)):
        sheet.down(body[start : start + length], 346 - 25 * number, 50, "song", size)
    return sheet


@kind
def mixed_lines(rng: random.Random) -> Sheet:
    """Chinese with English words and figures in every line."""
    sheet = Sheet(*A4, 200)
    y = 60.0
    while y < 760:
        chinese = [rng.choice(text.CHINESE[part]) for part in ("who", "did", "what")]
        line = f"{chinese[0]}{chinese[1]} {rng.choice(text.ENGLISH['where']).title()} {chinese[2]}"
        sheet.line(f"{line} No.{rng.randint(10, 999)}，共{rng.randint(2, 99)}册", 50, y, "song", 10)
        y += 17
    return sheet


@kind
def code(rng: random.Random) -> Sheet:
    """A listing: indented, in a face of one width."""
    sheet, names = Sheet(*A4, 200), ["tide", "ledger", "staff", "page", "lamp", "quay", "index", "total"]
    for number in range(48):
        depth = rng.choice((0, 1, 1, 2, 2, 3))
        one, two, three = rng.sample(names, 3)
        line = rng.choice(
            (
                f"for {one} in range({rng.randint(2, 99)}):",
                f"if {one}.{two} >= {three}[{rng.randint(0, 9)}]:",
                f"{one} = {two}({three}, {rng.randint(1, 999)})",
                f'return "{one}_{two}" + str({three})',
                f"def read_{one}({two}: int, {three}: str) -> None:",
            )
        )
        sheet.line(line, 56 + 24 * depth, 56 + 15 * number, "mono", 9)
    return sheet


@kind
def tiny_print(rng: random.Random) -> Sheet:
    """Conditions in six points at 200 dpi."""
    sheet = Sheet(*A4, 200)
    columns(rng, sheet, Style("en", "sans", "bold", 6, 1.25), 2, area=(50, 50, 545, 500))
    return sheet


@kind
def almost_empty(rng: random.Random) -> Sheet:
    """One short line at the foot of the page."""
    sheet = Sheet(*A4, 300)
    sheet.line(f"Page {rng.randint(2, 300)} is intentionally left blank", 297, 700, "serif", 10, anchor="m")
    return sheet


@kind
def very_long(rng: random.Random) -> Sheet:
    """A strip of one metre."""
    sheet = Sheet(2834, 85, 150)
    sheet.line(text.paragraph(rng, "en", 330)[:330], 40, 30, "sans", 16)
    return sheet


@kind
def very_tall(rng: random.Random) -> Sheet:
    """A screenshot of a conversation, or a roll."""
    sheet = Sheet(300, 2600, 150)
    columns(rng, sheet, Style("zh", "hei", "hei", 12, 1.6), 1, area=(20, 20, 280, 2560))
    return sheet
