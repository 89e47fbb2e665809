"""What the first requests of a process build, when several come together."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from docusnap.bootstrap import once

# Metrics refuse to be made twice in a process: the second of two first requests was answered with 500.
FIRST_REQUESTS = """
import sys, threading
from docusnap.hosts.observed import observed
sys.setswitchinterval(1e-6)
told, together = [], threading.Barrier(8)
app = observed(lambda environ, start: (start("200 OK", []), [])[1])
def ask():
    together.wait()
    app({"REQUEST_METHOD": "GET"}, lambda status, headers: told.append(status))
threads = [threading.Thread(target=ask) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
sys.exit(told != ["200 OK"] * 8)
"""


def test_the_first_requests_of_a_process_are_all_answered_when_they_come_together() -> None:
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", FIRST_REQUESTS], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr


def test_what_is_built_once_is_the_same_for_all_who_asked_meanwhile() -> None:
    built = []

    @once
    def slow() -> object:
        time.sleep(0.1)
        built.append(object())
        return built[-1]

    with ThreadPoolExecutor(4) as pool:
        found = [future.result() for future in [pool.submit(slow) for _ in range(4)]]
    assert found == built * 4
