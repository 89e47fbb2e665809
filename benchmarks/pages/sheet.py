"""A sheet that remembers what was drawn on it: every call that draws text adds its lines to the truth, in reading order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from PIL.ImageFont import FreeTypeFont

Point = tuple[float, float]
FONTS = Path("/usr/share/fonts")
FACES = {
    "serif": ("truetype/liberation/LiberationSerif-Regular.ttf", 0),
    "sans": ("truetype/liberation/LiberationSans-Regular.ttf", 0),
    "bold": ("truetype/liberation/LiberationSans-Bold.ttf", 0),
    "mono": ("truetype/liberation/LiberationMono-Regular.ttf", 0),
    "song": ("opentype/noto/NotoSerifCJK-Regular.ttc", 2),  # 2: the simplified face of a collection
    "hei": ("opentype/noto/NotoSansCJK-Regular.ttc", 2),
}
PITCH = 1.12  # from character to character of a vertical line, over its size
UPRIGHT = ["vert"]  # the forms that marks take in vertical text
NOT_FIRST = "，。：；、？！”）》」』,.:;?!)%"  # marks that never begin a line
NOT_LAST = "“（《「『("


@dataclass(frozen=True, slots=True)
class Printed:
    """One line: its text, the corners of its ink in pixels (clockwise from its top left), and the number of its block."""

    text: str
    corners: tuple[Point, Point, Point, Point]
    block: int


@dataclass
class Sheet:
    """`width` and `height` in points (1/72 inch), as all measures here; `image` and the truth are in pixels."""

    width: float
    height: float
    dpi: int
    lines: list[Printed] = field(default_factory=list)
    blocks: int = 0

    def __post_init__(self) -> None:
        self.image = Image.new("L", (self.px(self.width), self.px(self.height)), 255)
        self.draw = ImageDraw.Draw(self.image)

    def px(self, points: float) -> int:
        return round(points * self.dpi / 72)

    def font(self, face: str, size: float) -> FreeTypeFont:
        return font(face, max(1, self.px(size)))

    def block(self) -> None:
        """What is drawn from here on belongs to another block."""
        self.blocks += 1

    def line(self, text: str, x: float, y: float, face: str, size: float, *, anchor: str = "l") -> None:
        """`y`: the line's top; `anchor`: l, m or r, what `x` is of the line."""
        letters, at = self.font(face, size), (self.px(x), self.px(y))
        self.draw.text(at, text, fill=0, font=letters, anchor=f"{anchor}a")
        left, top, right, bottom = self.draw.textbbox(at, text, font=letters, anchor=f"{anchor}a")
        self.lines.append(Printed(text, ((left, top), (right, top), (right, bottom), (left, bottom)), self.blocks))

    def down(self, text: str, x: float, y: float, face: str, size: float) -> None:
        """One vertical line, a character below the other; `x`: its middle."""
        letters, boxes = self.font(face, size), []
        for number, character in enumerate(text):
            at = (self.px(x), self.px(y + number * size * PITCH))
            self.draw.text(at, character, fill=0, font=letters, anchor="ma", features=UPRIGHT)
            boxes.append(self.draw.textbbox(at, character, font=letters, anchor="ma", features=UPRIGHT))
        left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
        right, bottom = max(box[2] for box in boxes), max(box[3] for box in boxes)
        self.lines.append(Printed(text, ((left, top), (right, top), (right, bottom), (left, bottom)), self.blocks))

    def wrapped(self, text: str, face: str, size: float, width: float) -> list[str]:
        """A paragraph as lines no wider than `width`."""
        return list(_wrapped(text, self.font(face, size), self.px(width)))

    def flow(self, lines: Sequence[str], x: float, y: float, face: str, size: float, *, step: float, bottom: float) -> float:
        """Draws lines downwards from `y`, as many as end above `bottom`. Returns where the next one would stand."""
        for text in lines:
            if y + size * 1.3 > bottom:
                break
            self.line(text, x, y, face, size)
            y += step
        return y

    def rule(self, x0: float, y0: float, x1: float, y1: float, *, weight: float = 0.5, ink: int = 0) -> None:
        ends = [self.px(v) for v in (x0, y0, x1, y1)]
        self.draw.line(ends, fill=ink, width=max(1, self.px(weight)))

    def box(self, x0: float, y0: float, x1: float, y1: float, *, fill: int) -> None:
        self.draw.rectangle([self.px(v) for v in (x0, y0, x1, y1)], fill=fill, outline=0)


@cache
def font(face: str, pixels: int) -> FreeTypeFont:
    """Raises: FileNotFoundError that names the packages to install."""
    name, index = FACES[face]
    if not (FONTS / name).is_file():
        raise FileNotFoundError(f"{FONTS / name} is missing: apt-get install fonts-liberation fonts-noto-cjk")
    return ImageFont.truetype(FONTS / name, pixels, index=index)


def _wrapped(text: str, letters: FreeTypeFont, width: int) -> Iterator[str]:
    between = " " if " " in text else ""
    line = ""
    for word in text.split() if between else text:
        longer = f"{line}{between}{word}" if line else word
        if line and letters.getlength(longer) > width and word[0] not in NOT_FIRST and line[-1] not in NOT_LAST:
            yield line
            line = word
        else:
            line = longer
    yield line
