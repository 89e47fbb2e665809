"""CnOCR 2.3.3 by its API, on the models of RapidOCR's wheel: its own are only to be had from a hub.

`rec_batch_size` is 8: of 1 (its default), 8 and 32 the fastest.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"

import rapidocr  # type: ignore[import-not-found]  # of the peer's environment
from cnocr import CnOcr

from benchmarks.peers.telling import asked, read, ready

BATCH = 8


def models() -> dict[str, Any]:
    """What CnOcr's constructor is told."""
    folder = Path(rapidocr.__file__).parent / "models"
    return {
        "det_model_name": "multi_PP-OCRv6_det_small",
        "rec_model_name": "multi_PP-OCRv6_small",
        "det_model_fp": str(folder / "PP-OCRv6_det_small.onnx"),
        "rec_model_fp": str(folder / "PP-OCRv6_rec_small.onnx"),
    }


def main() -> None:
    engine = CnOcr(**models())
    ready()
    for number, page in enumerate(asked()):
        read(number, page.path, lambda path: text(engine, path))


def text(engine: CnOcr, path: Path) -> str:
    return "\n".join(line["text"] for line in engine.ocr(str(path), rec_batch_size=BATCH))


if __name__ == "__main__":
    main()
