"""RapidOCR 3.9.1 with its default configuration and the models of its wheel.

It is handed RGB pictures: its own loader takes the numbers of a palette for shades of grey, and finds an empty page.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from rapidocr import RapidOCR  # type: ignore[import-not-found]  # of the peer's environment

from benchmarks.peers.telling import asked, read, ready


def main() -> None:
    engine = RapidOCR()
    ready()
    for number, page in enumerate(asked()):
        read(number, page.path, lambda path: text(engine, path))


def text(engine: RapidOCR, path: Path) -> str:
    with Image.open(path) as picture:
        return "\n".join(engine(picture.convert("RGB")).txts or ())


if __name__ == "__main__":
    main()
