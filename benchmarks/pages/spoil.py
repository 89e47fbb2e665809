"""What a scanner, a camera or a careless hand does to a page. The truth's corners go along; the order of its lines stays."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.pages.sheet import Point, Printed

Pixels = NDArray[np.uint8]  # height × width, grey
Page = tuple[Pixels, list[Printed]]
Spoil = Callable[[Page, np.random.Generator], Page]


def turned(quarters: int) -> Spoil:
    """Lying on its side or head: so many quarters clockwise."""

    def apply(page: Page, _: np.random.Generator) -> Page:
        pixels, lines = page
        height, width = pixels.shape
        angle = -quarters * math.pi / 2
        return np.ascontiguousarray(np.rot90(pixels, -quarters)), moved(lines, around(width, height, angle))

    return apply


def skewed(degrees: float) -> Spoil:
    """Fed in at a slant; the sheet grows so that nothing is lost."""

    def apply(page: Page, _: np.random.Generator) -> Page:
        pixels, lines = page
        height, width = pixels.shape
        matrix = around(width, height, math.radians(-degrees))
        size = grown(width, height, math.radians(degrees))
        return warped(pixels, matrix, size, paper(pixels)), moved(lines, matrix)

    return apply


def photographed(page: Page, rng: np.random.Generator) -> Page:
    """From above at an angle, on a dark table, in light that comes from one side."""
    pixels, lines = page
    height, width = pixels.shape
    margin = 0.08 * width
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    bent = corners + margin + rng.uniform(-0.05, 0.05, (4, 2)).astype(np.float32) * width
    matrix = cv2.getPerspectiveTransform(corners, bent.astype(np.float32))
    size = (round(width + 2 * margin), round(height + 2 * margin))
    seen = warped(pixels, matrix, size, 70).astype(np.float32)
    x = np.linspace(0.62, 1.0, size[0], dtype=np.float32)[None]
    y = np.linspace(1.0, 0.85, size[1], dtype=np.float32)[:, None]
    return noisy(seen * x * y, rng, 4), moved(lines, matrix)


def faint(page: Page, rng: np.random.Generator) -> Page:
    """A last sheet of carbon paper: little contrast, some grain."""
    pixels, lines = page
    return noisy(150 + pixels.astype(np.float32) * (60 / 255), rng, 3), lines


def grainy(page: Page, rng: np.random.Generator) -> Page:
    pixels, lines = page
    return noisy(pixels.astype(np.float32), rng, 28), lines


def dark(page: Page, _: np.random.Generator) -> Page:
    """Light type on a dark ground."""
    pixels, lines = page
    return 255 - pixels // 10 * 9, lines


def bilevel(page: Page, rng: np.random.Generator) -> Page:
    """A fax: black and white only, with ragged edges."""
    pixels, lines = page
    rough = cv2.GaussianBlur(noisy(pixels.astype(np.float32), rng, 24), (3, 3), 0)
    return np.where(rough > 140, 255, 0).astype(np.uint8), lines


def noisy(pixels: NDArray[Any], rng: np.random.Generator, deviation: float) -> Pixels:
    noise = rng.normal(0, deviation, pixels.shape)
    result: Pixels = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    return result


def paper(pixels: Pixels) -> int:
    return int(np.median(pixels))


def grown(width: float, height: float, angle: float) -> tuple[int, int]:
    """The sides of the upright rectangle around a turned one."""
    cosine, sine = abs(math.cos(angle)), abs(math.sin(angle))
    return round(width * cosine + height * sine), round(width * sine + height * cosine)


def around(width: float, height: float, angle: float) -> NDArray[np.float64]:
    """Counter-clockwise about the middle of the sheet, and that to the middle of the one that holds it: a 3 × 3 homography."""
    new_width, new_height = grown(width, height, angle)
    cosine, sine = math.cos(angle), math.sin(angle)
    turn = np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]])
    there = np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1]])
    back = np.array([[1, 0, new_width / 2], [0, 1, new_height / 2], [0, 0, 1]])
    result: NDArray[np.float64] = back @ turn @ there
    return result


def warped(pixels: Pixels, matrix: NDArray[Any], size: tuple[int, int], ground: int) -> Pixels:
    seen = cv2.warpPerspective(pixels, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT, borderValue=(ground,))
    return seen.astype(np.uint8)


def moved(lines: Sequence[Printed], matrix: NDArray[Any]) -> list[Printed]:
    def there(point: Point) -> Point:
        x, y, w = (float(v) for v in matrix @ np.array([*point, 1.0]))
        return x / w, y / w

    return [dataclasses.replace(line, corners=(there(a), there(b), there(c), there(d))) for line in lines for a, b, c, d in [line.corners]]
