"""What the engine's process keeps of what it has freed: the networks' many buffers, and not the largest."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
import numpy as np
from docusnap.adapters.onnx.memory import keep_freed

def held():  # MiB
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) // 1024

keep_freed()
before, size, count = held(), int(sys.argv[1]), int(sys.argv[2])
blocks = [np.ones(size << 20, np.uint8) for _ in range(count)]
most = held()
del blocks
print(most - before, held() - before)
"""


@pytest.mark.parametrize(
    ("size", "count", "kept"), [(2, 40, True), (7, 12, True), (10, 8, False)], ids=["a line's", "a middling one", "a detector's"]
)
def test_buffers_are_kept_and_the_largest_given_back(size: int, count: int, kept: bool) -> None:
    told = subprocess.run([sys.executable, "-c", PROGRAM, str(size), str(count)], capture_output=True, text=True, check=True, timeout=60)

    most, afterwards = map(int, told.stdout.split())
    assert most >= size * count - 2
    assert afterwards >= most - 2 if kept else afterwards <= 2
