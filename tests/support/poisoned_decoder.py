"""A decoder's program for tests: the file's text says how many pages it has, and which of them meets which disaster. Run by its path."""

import json
import os
import signal
from pathlib import Path

from docusnap.adapters import frames
from docusnap.adapters.nursery import nurse

from tests.support import disasters


def die_of_memory(header: frames.Header, payload: bytes) -> tuple[frames.Header, frames.Buffer]:
    """As the kernel does it when the machine has no more."""
    os.kill(os.getpid(), signal.SIGKILL)
    return header, payload


DEEDS = disasters.DEEDS | {die_of_memory.__name__: die_of_memory}


def text(pages: int, **poison: int) -> bytes:
    """A file of so many pages; `segfault=2` says what the second one does."""
    return json.dumps({"pages": pages, "poison": {number: deed for deed, number in poison.items()}}).encode()


def handle(header: frames.Header, payload: bytes) -> tuple[frames.Header, frames.Buffer]:
    file = json.loads(Path(header["path"]).read_text("utf-8"))
    if header["do"] == "count":
        return {"pages": file["pages"]}, b""
    if deed := file["poison"].get(str(header["number"])):
        return DEEDS[deed]({"bytes": 1 << 40}, payload)
    return {"raster": {"number": header["number"], "width": 4, "height": 4, "dpi": None}}, bytes(48)


if __name__ == "__main__":
    nurse(handle)
