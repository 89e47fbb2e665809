"""Tesseract 5 as its command: English and Chinese, with its own layout analysis."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time


def main(pages: list[str]) -> None:
    for path in pages:
        began = time.perf_counter()
        text = subprocess.run(["tesseract", path, "-", "-l", "eng+chi_sim"], check=True, capture_output=True, text=True).stdout
        seconds = time.perf_counter() - began
        print(json.dumps({"text": text, "seconds": seconds, "rss": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
