"""Writes the collection to a folder, each page as .png, .txt and .json: python -m benchmarks.pages FOLDER [SEED]"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

from PIL import Image

from benchmarks.pages.collection import collection


def main(folder: Path, seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for page in collection(seed):
        Image.fromarray(page.pixels).save(folder / f"{page.name}.png", dpi=(page.dpi, page.dpi))
        (folder / f"{page.name}.txt").write_text(page.text + "\n", "utf-8")
        lines = [dataclasses.asdict(line) for line in page.lines]
        (folder / f"{page.name}.json").write_text(json.dumps(lines, ensure_ascii=False), "utf-8")
        print(page.name, page.pixels.shape, len(page.lines), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)
