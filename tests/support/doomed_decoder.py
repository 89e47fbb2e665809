"""A decoder's program for tests that meets the disaster which the file's text names. Run by its path."""

from pathlib import Path

from docusnap.adapters import child

from tests.support import disasters


def handle(header: child.Header, payload: bytes) -> tuple[child.Header, child.Buffer]:
    deed = Path(header["path"]).read_text("utf-8")
    if deed == "lie":
        return {"raster": {"number": 1, "width": 1000, "height": 1000, "dpi": None}}, b"few"
    if deed == "survive":
        return {"pages": 1}, b""
    return disasters.DEEDS[deed]({"bytes": 1 << 40, "status": 1}, payload)


if __name__ == "__main__":
    child.serve(handle)
