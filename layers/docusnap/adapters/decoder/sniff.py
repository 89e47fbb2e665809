"""What a file is, by its first bytes alone: names and promised types are not looked at."""

from __future__ import annotations

from docusnap import errors

HEAD_BYTES = 1024  # a PDF's header may come this late; PDFium looks as far
PDF = "PDF"
SIGNATURES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"II+\x00": "TIFF",  # BigTIFF
    b"MM\x00+": "TIFF",
}
BMP_HEADERS = {12, 16, 40, 52, 56, 64, 108, 124}  # bytes of the second header, in all its versions: "BM" alone may be text
HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
AVIF_BRANDS = {b"avif", b"avis"}


def kind(head: bytes) -> str:
    """`PDF`, or the name of the format as Pillow has it, from a file's first `HEAD_BYTES` bytes.

    Raises: EmptyObject, UnsupportedType.
    """
    if not head:
        raise errors.EmptyObject
    for signature, name in SIGNATURES.items():
        if head.startswith(signature):
            return name
    if found := _webp(head) or _bmp(head) or _iso_media(head):
        return found
    if b"%PDF-" in head[:HEAD_BYTES]:
        return PDF
    raise errors.UnsupportedType


def _webp(head: bytes) -> str | None:
    return "WEBP" if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else None


def _bmp(head: bytes) -> str | None:
    return "BMP" if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in BMP_HEADERS else None


def _iso_media(head: bytes) -> str | None:
    """HEIC and AVIF share a container; the brands in its first box tell them apart."""
    if head[4:8] != b"ftyp":
        return None
    box = head[8 : int.from_bytes(head[:4], "big")]
    brands = {box[:4], *(box[at : at + 4] for at in range(8, len(box), 4))}
    if brands & AVIF_BRANDS:
        return "AVIF"
    return "HEIF" if brands & HEIF_BRANDS else None


def webp_size(head: bytes) -> tuple[int, int] | None:
    """Width and height in pixels from a WebP header, which Pillow tells only after it has made room for the canvas."""
    chunk, number = head[12:16], int.from_bytes
    if chunk == b"VP8X":
        return number(head[24:27], "little") + 1, number(head[27:30], "little") + 1
    if chunk == b"VP8L":
        bits = number(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        return number(head[26:28], "little") & 0x3FFF, number(head[28:30], "little") & 0x3FFF
    return None
