"""A decoder's program for tests that meets the disaster which the file's text names. Run by its path."""

from pathlib import Path

from docusnap.adapters import frames
from docusnap.adapters.nursery import nurse

from tests.support import disasters


def handle(header: frames.Header, payload: bytes) -> tuple[frames.Header, frames.Buffer]:
    deed = Path(header["path"]).read_text("utf-8")
    if deed == "lie":
        return {"raster": {"number": 1, "width": 1000, "height": 1000, "dpi": None}}, b"few"
    if deed == "survive":
        return {"pages": 1}, b""
    return disasters.DEEDS[deed]({"bytes": 1 << 40, "status": 1}, payload)


if __name__ == "__main__":
    nurse(handle)
