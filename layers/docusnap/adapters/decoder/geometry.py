"""From a PDF's points (y upwards, unturned) to the pixels of the page as it is shown: pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

Point = tuple[float, float]
Box = tuple[float, float, float, float]  # left, bottom, right, top in points; left, top, right, bottom in pixels


@dataclass(frozen=True, slots=True)
class View:
    """A page turned clockwise by `rotation` degrees and drawn on `width` × `height` pixels."""

    box: Box  # the part of the PDF's plane that is shown, in points
    rotation: int  # 0, 90, 180 or 270
    width: int
    height: int

    def turned(self, degrees: int) -> View:
        """The same page, turned clockwise once more."""
        swap = degrees % 180 != 0
        size = (self.height, self.width) if swap else (self.width, self.height)
        return View(self.box, (self.rotation + degrees) % 360, *size)

    def point(self, x: float, y: float) -> Point:
        left, bottom, right, top = self.box
        across, down = (x - left) / (right - left), (top - y) / (top - bottom)
        turned = {0: (across, down), 90: (1 - down, across), 180: (1 - across, 1 - down), 270: (down, 1 - across)}
        u, v = turned[self.rotation]
        return u * self.width, v * self.height

    def area(self, box: Box) -> Box:
        x0, y0 = self.point(box[0], box[1])
        x1, y1 = self.point(box[2], box[3])
        return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)

    def direction(self, x: float, y: float) -> Point:
        """A direction in the PDF's plane as one in pixels, of any length."""
        return {0: (x, -y), 90: (y, x), 180: (-x, y), 270: (-y, -x)}[self.rotation]


def share(box: Box, of: Box) -> float:
    """How much of the area `of` is covered by `box`, 0 to 1; both in points."""
    wide = min(box[2], of[2]) - max(box[0], of[0])
    high = min(box[3], of[3]) - max(box[1], of[1])
    whole = (of[2] - of[0]) * (of[3] - of[1])
    return max(wide, 0.0) * max(high, 0.0) / whole if whole > 0 else 0.0
