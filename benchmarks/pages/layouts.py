"""More kinds of page, on which the order of lines is what is hard."""

from __future__ import annotations

import random

from benchmarks.pages import text
from benchmarks.pages.kinds import A4, Style, columns, figures, kind
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
