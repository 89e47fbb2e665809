"""A recogniser's program for tests: the page's number names the disaster it meets. Run by its path."""

import os
import signal
import time

from docusnap import errors
from docusnap.adapters import frames, serving
from docusnap.adapters.engine_process import WARM

from tests.support import disasters

READ, KILLED, HANG, STUMBLE, NO_MEMORY, SLOW, SEGFAULT = range(1, 8)


def handle(header: frames.Header, payload: bytes) -> tuple[frames.Header, frames.Buffer]:
    if header == WARM:
        return {}, b""
    deed = header["number"]
    if deed == KILLED:
        os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does when memory runs out
    if deed == SEGFAULT:
        disasters.segfault(header, payload)
    if deed == HANG:
        time.sleep(600)
    if deed == STUMBLE:
        raise errors.EngineFailed("The network stumbled.", page=deed)
    if deed == NO_MEMORY:
        raise MemoryError
    if deed == SLOW:
        time.sleep(1.5)
    return {"source": "ocr", "width": 1, "height": 1, "dpi": None, "rotation": 0, "lines": [], "blocks": []}, b""


if __name__ == "__main__":
    serving.serve(handle)
