"""Draws the sample page of `make run`: python benchmarks/draw_sample.py FONT (Debian's fonts-wqy-microhei has Chinese and Latin)."""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

SAMPLE = Path(__file__).parents[1] / "layers/docusnap/sample"
LINES = [
    (64, "DocuSnap sample page"),
    (36, "Invoice 2026-0417 for Harbour Street Bakery"),
    (36, "12 bags of flour, 25 kg each: 318.00 EUR"),
    (36, "4 boxes of butter, salted: 96.40 EUR"),
    (36, "Total, due within thirty days: 414.40 EUR"),
    (44, "文档识别示例"),
    (36, "上传的图片会自动变成可以搜索的文字。"),
    (36, "结果保存在您自己的数据库里。"),
]


def main(font: str) -> None:
    page, top = Image.new("L", (1240, 1000), 255), 90
    draw = ImageDraw.Draw(page)
    for size, text in LINES:
        draw.text((110, top), text, fill=0, font=ImageFont.truetype(font, size))
        top += size + 52
    page.quantize(16).save(SAMPLE / "page.png", optimize=True, dpi=(150, 150))
    (SAMPLE / "page.txt").write_text("\n".join(text for _, text in LINES) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
