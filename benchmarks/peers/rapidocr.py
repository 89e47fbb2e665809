"""RapidOCR by its own API with its defaults, with the models that its wheel brings."""

from __future__ import annotations

import json
import resource
import sys
import time

from rapidocr import RapidOCR


def main(pages: list[str]) -> None:
    engine = RapidOCR()
    for path in pages:
        began = time.perf_counter()
        text = "\n".join(engine(path).txts or ())
        seconds = time.perf_counter() - began
        print(json.dumps({"text": text, "seconds": seconds, "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
