"""Our engine in one process, by its defaults. Needs PYTHONPATH=layers; with --networks it also runs its networks alone."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator

from docusnap.adapters.decoder.raster import plain
from docusnap.adapters.onnx.engine import OnnxEngine
from docusnap.adapters.onnx.memory import keep_freed
from docusnap.model import Line, PageRaster
from PIL import Image

from benchmarks.peers.networks import Networks
from benchmarks.peers.telling import Asked, asked, cpu, page, peak, ready, say

NETWORKS = "--networks"


def main() -> None:
    networks = Networks() if NETWORKS in sys.argv else None
    keep_freed()  # as the worker's child does
    engine = OnnxEngine()
    engine.warm()
    ready()
    todo = asked(lambda: say(networks=networks.alone(), cpu=cpu())) if networks else asked()
    began = time.perf_counter()
    for number, result in enumerate(engine.recognise(rasters(todo))):
        lines = [told(line) for line in result.lines]
        page(number, result.text, began, rss=peak(), cpu=cpu(), lines=lines, rotation=result.rotation)
        began = time.perf_counter()
    engine.close()


def rasters(todo: Iterable[Asked]) -> Iterator[PageRaster]:
    """Decoded when the engine asks for it, to grey or RGB, by DocuSnap's decoder."""
    for number, one in enumerate(todo, 1):
        with Image.open(one.path) as picture:
            dpi = round(picture.info["dpi"][0]) if "dpi" in picture.info else None
            flat = plain(picture)
            yield PageRaster(number, *flat.size, dpi, flat.tobytes(), len(flat.getbands()))


def told(line: Line) -> dict[str, object]:
    return {"text": line.text, "confidence": line.confidence, "polygon": line.polygon}


if __name__ == "__main__":
    main()
