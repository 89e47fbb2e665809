"""Debian's Tesseract 5 at its best setting: one thread a page, two pages at a time, told the language as its user would.

`--psm 1` has the orientation of each page told first (its default, 3, reads turned pages as they lie).
"""

from __future__ import annotations

import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks.peers.telling import Asked, asked, cpu, page, ready

LANGUAGES = {"en": "eng", "zh": "chi_sim+eng", "zh-vertical": "chi_sim_vert"}
LAYOUT = os.environ.get("TESSERACT_PSM", "1")
AT_ONCE = 2


def main() -> None:
    ready()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(lambda one: recognise(*one), enumerate(asked())):
            pass


def recognise(number: int, one: Asked) -> None:
    began = time.perf_counter()
    command = ["tesseract", str(one.path), "-", "-l", LANGUAGES[one.language], "--psm", LAYOUT]
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, "OMP_THREAD_LIMIT": "1"}
    )  # ended below by wait4, which alone tells its memory
    with child:
        text = child.stdout.read().decode() if child.stdout else ""
        _, code, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(code)
    failed = f"ended with {child.returncode}" if child.returncode else ""
    page(number, text, began, failed=failed, rss=used.ru_maxrss / 1024, cpu=cpu())


if __name__ == "__main__":
    main()
