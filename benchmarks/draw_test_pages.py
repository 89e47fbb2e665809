"""Draws tests/data/pages with what they say, in reading order: python benchmarks/draw_test_pages.py

Needs Debian's fonts-liberation and fonts-noto-cjk; who runs the tests needs neither. The texts were written for this.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from PIL.ImageFont import FreeTypeFont

PAGES = Path(__file__).parents[1] / "tests/data/pages"
FONTS = Path("/usr/share/fonts")
SERIF = FONTS / "truetype/liberation/LiberationSerif-Regular.ttf"
SANS = FONTS / "truetype/liberation/LiberationSans-Regular.ttf"
BOLD = FONTS / "truetype/liberation/LiberationSans-Bold.ttf"
SONG = FONTS / "opentype/noto/NotoSerifCJK-Regular.ttc"
HEI = FONTS / "opentype/noto/NotoSansCJK-Regular.ttc"
SIMPLIFIED = 2  # the face of the Noto collections

TIDES = """The harbour at Wexley Sands has kept a tide book since the spring of 1871. Each morning the keeper walks to the end of
the stone pier, reads the brass staff, and writes down the height of the water, the wind, and the first boat to leave.
|No page is missing. When the pier was rebuilt in 1934 the staff was moved by eleven feet, and for six weeks the keeper made
two readings a day, one at the old post and one at the new, so that nobody would ever have to guess how the two compare.
|Today the water is also measured by a float in a steel pipe, which sends its height to the county every ten minutes. The two
records rarely differ by more than the width of a thumb, yet the town has voted four times to keep the book as well.
|Visitors often ask what it is good for. The keeper answers that a number in a table is easy to lose, but a sentence about a
gale, a broken rope and a late ferry is remembered. In 1953 the book told the engineers where the flood had come from.
|Copies of the older volumes lie in the reading room above the fish market. They may be leafed through on Tuesdays and Fridays
between two and five o'clock. Please bring clean hands, and leave pens and drinks in the hall. A guide to the handwriting of
the nine keepers can be had at the desk for the price of a postcard.
|The next volume begins in April. Whoever would like to write the first line may put a name into the box by the door; one is
drawn on the last Sunday in March, when the lamps on the pier are lit for the first time in the year."""

CHINESE = """清晨六点，河边的小镇慢慢醒来。卖豆浆的老人推着木车走过石桥，车轮压在青石板上，发出轻轻的响声。
|镇上只有一家书店，开在老邮局的旁边。店主姓陈，今年七十二岁，年轻时在省城当过校对员，一个错字也逃不过他的眼睛。
他说，一本书就像一座房子，每个字都是一块砖，少了哪一块，风都会吹进来。
|书店的后院有一棵两百多年的银杏树。到了十一月，叶子落满一地，孩子们放学以后就来这里写作业，写完了便在树下追着跑。
陈先生从不赶他们走，只在窗台上放一壶热茶和几个杯子。
|去年春天，镇里想把旧街改成停车场，图纸已经画好了。居民们没有争吵，而是每人写了一页纸，说明自己为什么愿意留下来。
三百二十七页纸装订成册，放在镇长的桌上。一个月以后，停车场改到了火车站的北面。
|现在那本册子也在书店里，谁都可以翻看。第一页是一个八岁女孩写的，只有一句话：如果没有书店，我就不知道下雨天应该去哪里。"""

FORM = [
    ("Application for a library card", None),
    ("Surname", "Okonkwo"),
    ("First name", "Amara Jane"),
    ("Date of birth", "14 March 1987"),
    ("Street and number", "22 Mill Lane"),
    ("Town", "Thornby"),
    ("Telephone", "01632 960 418"),
    ("E-mail", "amara@thornby.example"),
    ("Card wanted for", "one year"),
    ("Signed on", "3 June 2026"),
]
ITEMS = [
    ("Item", "Number", "Each", "Sum"),
    ("Yearly card, adult", "1", "12.00", "12.00"),
    ("Yearly card, child", "2", "4.50", "9.00"),
    ("Cloth bag with the library's seal", "1", "6.75", "6.75"),
    ("Printed map of the reading rooms", "3", "0.80", "2.40"),
    ("Total", "", "", "30.15"),
]

# Without punctuation: the small recogniser takes the marks of vertical text for others (a comma for a raised one, a full stop for nothing).
VERTICAL = """秋天的傍晚湖面上起了一层薄雾
渔船一条接一条地靠岸
灯也一盏一盏地亮了
祖父坐在门前修补渔网
他说今年的水比往年清
我问他明天会不会下雨
他抬头看了看远处的山
山顶没有云明天是个好天气"""


def wrapped(text: str, font: FreeTypeFont, width: int, *, between: str) -> list[str]:
    """Paragraphs (parted by "|") broken into lines; no mark begins a line."""
    lines: list[str] = []
    for paragraph in text.replace("\n", between).split("|"):
        words = paragraph.split() if between else list(paragraph)
        line = words[0]
        for word in words[1:]:
            if font.getlength(line + between + word) > width and word not in "，。：、":
                lines.append(line)
                line = word
            else:
                line += between + word
        lines.append(line)
    return lines


def down(draw: ImageDraw.ImageDraw, lines: Sequence[str], font: FreeTypeFont, left: int, *, top: int, step: int) -> None:
    for line in lines:
        draw.text((left, top), line, fill=0, font=font)
        top += step


def save(name: str, page: Image.Image, lines: Sequence[str]) -> None:
    page.quantize(16).save(PAGES / f"{name}.png", optimize=True, dpi=(150, 150))
    (PAGES / f"{name}.txt").write_text("\n".join(lines) + "\n", "utf-8")


def columns() -> None:
    page = Image.new("L", (1240, 1754), 255)
    draw = ImageDraw.Draw(page)
    heading, footer = "The tide book of Wexley Sands, and why a town keeps it", "Wexley Parish Letter, No. 212"
    text = ImageFont.truetype(SERIF, 25)
    lines = wrapped(TIDES, text, 490, between=" ")
    half = -(-len(lines) // 2)
    draw.text((620, 150), heading, fill=0, font=ImageFont.truetype(BOLD, 36), anchor="ma")
    down(draw, lines[:half], text, 110, top=260, step=36)
    down(draw, lines[half:], text, 640, top=260, step=36)
    draw.text((110, 1620), footer, fill=0, font=ImageFont.truetype(SANS, 20))
    save("two-columns", page, [heading, *lines, footer])


def chinese() -> None:
    page = Image.new("L", (1240, 1754), 255)
    draw = ImageDraw.Draw(page)
    text = ImageFont.truetype(SONG, 30, index=SIMPLIFIED)
    lines = wrapped(CHINESE, text, 990, between="")
    draw.text((620, 130), "河边小镇的书店", fill=0, font=ImageFont.truetype(HEI, 44, index=SIMPLIFIED), anchor="ma")
    down(draw, lines, text, 125, top=260, step=54)
    save("chinese", page, ["河边小镇的书店", *lines])


def form() -> None:
    page = Image.new("L", (1240, 1754), 255)
    draw = ImageDraw.Draw(page)
    small, large = ImageFont.truetype(SANS, 26), ImageFont.truetype(BOLD, 40)
    lines, top = [FORM[0][0]], 240
    draw.text((110, 130), FORM[0][0], fill=0, font=large)
    for label, value in FORM[1:]:
        draw.text((110, top), label, fill=0, font=small)
        draw.text((520, top), value, fill=0, font=small)
        draw.line((510, top + 38, 1120, top + 38), fill=128)
        lines, top = [*lines, label, value or ""], top + 62
    for cells in ITEMS:
        for right, cell in zip((110, 800, 960, 1120), cells, strict=True):
            draw.text((right, top + 60), cell, fill=0, font=small, anchor="la" if right == 110 else "ra")
        lines, top = [*lines, *filter(None, cells)], top + 48
    save("form", page, lines)


def vertical() -> None:
    page = Image.new("L", (760, 780), 255)
    draw = ImageDraw.Draw(page)
    font = ImageFont.truetype(SONG, 38, index=SIMPLIFIED)
    for column, line in enumerate(VERTICAL.split("\n")):
        for row, character in enumerate(line):
            draw.text((640 - 80 * column, 90 + 42 * row), character, fill=0, font=font)
    save("vertical", page, VERTICAL.split("\n"))


if __name__ == "__main__":
    PAGES.mkdir(parents=True, exist_ok=True)
    for draw_page in (columns, chinese, form, vertical):
        draw_page()
