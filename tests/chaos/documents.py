"""The two hundred documents of a run: what is sent, and what must become of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image

from tests.support.lettering import lettered
from tests.support.pages import Pdf, encrypted, picture_at, saved, text_at

PAPER = (640, 260)  # a small page: the recogniser takes a fifth of a second for it


@dataclass(frozen=True, slots=True)
class Paper:
    """One file with its right end."""

    name: str
    body: bytes
    status: str = "succeeded"
    pages: tuple[str, ...] = ()  # the text of each
    code: str | None = None  # of the error, where it must be rejected
    sha256: str | None = None  # as declared
    foreign: bool = False  # put under incoming/ by another S3 client


def papers() -> Sequence[Paper]:
    """Always the same two hundred; 234 pages."""
    made = [*_photos(154), *_picture_pdfs(8, 3), *_text_pdfs(6, 2), *_faxes(8, 4), *_bad(3), *_foreign(12)]
    assert len(made) == len({paper.name for paper in made}) == 200
    return made


def lines(name: str, page: int) -> tuple[str, ...]:
    return (f"Berth {name} page {page}", "The pilot boat left the harbour", "before the fog came in.")


def text(name: str, page: int) -> str:
    return "\n".join(lines(name, page))


def _drawn(name: str, page: int) -> Image.Image:
    return lettered(*lines(name, page), size=32, paper=PAPER, at=(30, 30))


def _photos(count: int) -> Iterator[Paper]:
    for number in range(count):
        name = f"{100 + number}"
        yield Paper(f"photo-{name}.png", saved(_drawn(name, 1), "PNG"), pages=(text(name, 1),))


def _picture_pdfs(count: int, pages: int) -> Iterator[Paper]:
    for number in range(count):
        name, pdf = f"{300 + number}", Pdf()
        for page in range(1, pages + 1):
            drawing = pdf.image(_drawn(name, page))
            # 144 dots an inch: two pixels a point.
            pdf.page(picture_at("I", 0, 0, 320, 130), box=(0, 0, 320, 130), things=f"/I {drawing} 0 R")
        yield Paper(f"scan-{name}.pdf", pdf.written(), pages=tuple(text(name, page) for page in range(1, pages + 1)))


def _text_pdfs(count: int, pages: int) -> Iterator[Paper]:
    for number in range(count):
        name, pdf = f"{400 + number}", Pdf()
        for page in range(1, pages + 1):
            pdf.page("".join(text_at(72, 700 - 20 * row, line) for row, line in enumerate(lines(name, page))))
        yield Paper(f"letter-{name}.pdf", pdf.written(), pages=tuple(text(name, page) for page in range(1, pages + 1)))


def _faxes(count: int, pages: int) -> Iterator[Paper]:
    for number in range(count):
        name = f"{500 + number}"
        first, *more = (_drawn(name, page) for page in range(1, pages + 1))
        body = saved(first, "TIFF", save_all=True, append_images=more, compression="tiff_lzw")
        yield Paper(f"fax-{name}.tiff", body, pages=tuple(text(name, page) for page in range(1, pages + 1)))


def _bad(each: int) -> Iterator[Paper]:
    for number in range(600, 600 + each):
        name, good = str(number), saved(_drawn(str(number), 1), "PNG")
        yield Paper(f"note-{name}.png", f"Berth {name}: no picture.".encode(), "rejected", code="unsupported_type")
        yield Paper(f"cut-off-{name}.png", good[: len(good) // 2], "rejected", code="corrupt_image")
        yield Paper(f"locked-{name}.pdf", encrypted(name.encode()), "rejected", code="encrypted_pdf")
        other = hashlib.sha256(name.encode()).hexdigest()
        yield Paper(f"damaged-{name}.png", good, "rejected", code="checksum_mismatch", sha256=other)


def _foreign(count: int) -> Iterator[Paper]:
    for number in range(count):
        name = f"{700 + number}"
        yield Paper(f"foreign-{name}.png", saved(_drawn(name, 1), "PNG"), pages=(text(name, 1),), foreign=True)
