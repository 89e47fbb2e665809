"""Our engine in one process: reads the pages named, one JSON line for each. Run with PYTHONPATH=layers."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
from docusnap.adapters.onnx.engine import OnnxEngine
from docusnap.model import PageRaster
from PIL import Image


def main(pages: list[Path]) -> None:
    engine = OnnxEngine()
    for number, path in enumerate(pages, 1):
        began = time.perf_counter()
        pixels = np.asarray(Image.open(path).convert("RGB"))
        height, width = pixels.shape[:2]
        (page,) = engine.recognise([PageRaster(number, width, height, 300, pixels.tobytes())])
        seconds = time.perf_counter() - began
        told = {
            "text": "\n".join(line.text for line in page.lines),
            "seconds": seconds,
            "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        }
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
