"""More kinds of page, on which the order of lines is what is hard."""

from __future__ import annotations

import random

from benchmarks.pages import text
from benchmarks.pages.kinds import A4, ENGLISH, Style, columns, figures, kind
from benchmarks.pages.sheet import Sheet

NEWS = Style("en", "serif", "bold", 9.5)


@kind
def short_headings(rng: random.Random) -> Sheet:
    """Stories in two or three columns, under headings that need not reach over a gutter."""
    sheet, y = Sheet(*A4, 200), 50.0
    while y < 640:
        sheet.block()
        height = rng.uniform(90, 220)
        sheet.line(text.title(rng, "en")[: rng.choice((12, 22, 40))].strip(), 56, y, "bold", rng.choice((12, 14, 18)))
        columns(rng, sheet, NEWS, rng.choice((2, 2, 3)), area=(56, y + 26, 539, y + 26 + height), gutter=14)
        y += height + 26 + rng.uniform(16, 30)
    return sheet


@kind
def mixed_page(rng: random.Random) -> Sheet:
    """Two columns, a table, a form and three columns below each other."""
    sheet = Sheet(*A4, 200)
    sheet.line(text.title(rng, "en"), 56, 40, "bold", 18)
    columns(rng, sheet, NEWS, 2, area=(56, 80, 539, 250))
    sheet.block()
    sheet.line("Results by quarter", 56, 272, "bold", 11)
    for number in range(6):
        cells = [text.title(rng, "en")[:28].strip(), *figures(rng, 3)] if number else ["Article", "Spring", "Summer", "Autumn"]
        for cell, x in zip(cells, (56, 330, 430, 539), strict=True):
            sheet.line(cell, x, 296 + 17 * number, "sans", 9, anchor="l" if x == 56 else "r")
    sheet.block()
    sheet.line("Your details", 56, 415, "bold", 11)
    fields = (("Surname", "Okonkwo"), ("Street and number", f"{rng.randint(2, 98)} Mill Lane"), ("Town", "Thornby"))
    for number, (label, value) in enumerate(fields):
        sheet.line(label, 56, 438 + 24 * number, "sans", 9)
        sheet.line(value, 170, 437 + 24 * number, "mono", 10)
    sheet.block()
    sheet.line("What happened next", 56, 530, "bold", 11)
    columns(rng, sheet, NEWS, 3, area=(56, 552, 539, 780), gutter=14)
    return sheet


@kind
def glossary(rng: random.Random) -> Sheet:
    """Terms on the left, and their definitions in several lines beside them."""
    sheet, y = Sheet(*A4, 200), 110.0
    sheet.line("Glossary", 56, 60, "bold", 18)
    while y < 720:
        sheet.block()
        sheet.line(rng.choice(text.ENGLISH["what"]).split()[-1], 56, y, "bold", 10)
        lines = sheet.wrapped(text.paragraph(rng, "en", rng.randint(60, 260)), "serif", 10, 365)
        y = sheet.flow(lines, 170, y, "serif", 10, step=13, bottom=800) + rng.choice((4, 8))
    return sheet


@kind
def vertical_under_a_heading(rng: random.Random) -> Sheet:
    """Vertical Chinese under a heading from left to right, with a page number below."""
    sheet = Sheet(420, 595, 200)
    sheet.line(text.title(rng, "zh"), 210, 30, "hei", 18, anchor="m")
    sheet.block()
    body = "".join(letter for letter in text.paragraph(rng, "zh", 700) if letter > "一" or letter in "，。")
    for number in range(14):
        sheet.down(body[28 * number : 28 * (number + 1)], 376 - 24 * number, 70, "song", 14)
    sheet.block()
    sheet.line(str(rng.randint(10, 99)), 210, 560, "song", 9, anchor="m")
    return sheet


@kind
def narrow_gutter(rng: random.Random) -> Sheet:
    """Two columns hardly further apart than the type is high."""
    sheet = Sheet(*A4, 300)
    sheet.line(text.title(rng, "en"), 56, 50, "bold", 18)
    columns(rng, sheet, ENGLISH, 2, area=(56, 90, 539, 770), gutter=9.5)
    return sheet


@kind
def double_spaced(rng: random.Random) -> Sheet:
    """Two columns whose lines are twice as far apart as usual, as drafts have them."""
    sheet = Sheet(*A4, 300)
    sheet.line(text.title(rng, "en"), 56, 50, "bold", 18)
    columns(rng, sheet, Style("en", "serif", "bold", 10.5, 2.2), 2, area=(56, 90, 539, 770))
    return sheet


@kind
def contacts(rng: random.Random) -> Sheet:
    """A table whose columns are filled with words and figures of about one length, and no text."""
    sheet = Sheet(*A4, 300)
    sheet.line(text.title(rng, "en"), 56, 50, "bold", 18)
    for number in range(26):
        name = rng.choice(text.ENGLISH["what"]).split()[-1]
        mail, phone = f"{name}.{rng.randint(10, 99)}@thornby.example", f"+44 {rng.randint(1000, 9999)} {rng.randint(100000, 999999)}"
        for cell, x in zip((name.capitalize(), mail, phone, text.title(rng, "en")[:22].strip()), (56, 130, 300, 410), strict=True):
            sheet.line(cell, x, 96 + 17 * number, "sans", 9.5)
    return sheet


@kind
def long_cells(rng: random.Random) -> Sheet:
    """A ruled table of labels and two columns of cells with several lines each, read cell by cell."""
    sheet, y = Sheet(*A4, 300), 60.0
    while y < 660:
        cells = [sheet.wrapped(text.paragraph(rng, "en", rng.randint(60, 160)), "serif", 10, 180) for _ in range(2)]
        sheet.rule(50, y - 5, 545, y - 5)
        sheet.block()
        sheet.line(rng.choice(text.ENGLISH["what"]).split()[-1].capitalize(), 56, y, "serif", 10)
        for lines, x in zip(cells, (150, 350), strict=True):
            sheet.block()
            sheet.flow(lines, x, y, "serif", 10, step=13, bottom=820)
        y += 13 * max(map(len, cells)) + 11
    return sheet


@kind
def panels(rng: random.Random) -> Sheet:
    """Three by two boxes, each with a heading and a paragraph: one is read after the other."""
    sheet = Sheet(*A4, 300)
    sheet.line(text.title(rng, "en"), 56, 50, "bold", 18)
    for top in (90, 330):
        for left in (56, 222, 388):
            sheet.box(left, top, left + 151, top + 215, fill=255)
            sheet.block()
            sheet.line(text.title(rng, "en")[:18].strip(), left + 9, top + 12, "bold", 12)
            sheet.block()
            lines = sheet.wrapped(text.paragraph(rng, "en", rng.randint(110, 230)), "sans", 9.5, 133)
            sheet.flow(lines, left + 9, top + 36, "sans", 9.5, step=13.5, bottom=top + 212)
    return sheet


@kind
def navigation(rng: random.Random) -> Sheet:
    """A printed web page: its menu on the left, the text, and notes on the right, in lines of their own distances."""
    sheet = Sheet(*A4, 300)
    for number in range(16):
        sheet.line(text.title(rng, "en")[:16].strip(), 40, 60 + 19 * number, "sans", 9)
    sheet.block()
    sheet.line(text.title(rng, "en")[:30].strip(), 150, 58, "bold", 16)
    columns(rng, sheet, Style("en", "sans", "bold", 9.5, 1.4), 1, area=(150, 90, 420, 640))
    sheet.block()
    sheet.line("See also", 440, 64, "bold", 11)
    columns(rng, sheet, Style("en", "sans", "bold", 8, 1.5), 1, area=(440, 86, 560, 420))
    return sheet
