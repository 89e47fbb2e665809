"""Test inputs, drawn in code: pictures whose corners tell which way is up, and PDFs written object by object."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from PIL import Image, ImageFont

RED, GREEN, BLUE, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)
Colour = tuple[int, int, int]
LETTER = (0, 0, 612, 792)


# --- Pictures ---------------------------------------------------------------------------------------------------------


def corners(width: int = 60, height: int = 40) -> Image.Image:
    """Red at the top left, green at the top right, blue at the bottom left, white at the bottom right."""
    picture = Image.new("RGB", (width, height), WHITE)
    picture.paste(RED, (0, 0, width // 2, height // 2))
    picture.paste(GREEN, (width // 2, 0, width, height // 2))
    picture.paste(BLUE, (0, height // 2, width // 2, height))
    return picture


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    """The file's bytes in the format that Pillow calls `kind`."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def oriented(kind: str, orientation: int, **options: Any) -> bytes:
    """`corners()` as stored by a camera that was held so: upright only when its EXIF orientation is applied."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    picture = corners()
    if orientation in undo:
        picture = picture.transpose(undo[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(picture, kind, exif=exif, **options)


def png_header(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is so large."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


def webp_header(width: int, height: int) -> bytes:
    """The extended header of a WebP that says it is so large."""
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x10\0\0\0" + canvas
    return b"RIFF" + struct.pack("<I", len(body)) + body


# --- PDF --------------------------------------------------------------------------------------------------------------


@dataclass
class Pdf:
    """A PDF in the making; object 1 is the catalogue, 2 the page tree, 3 the font Helvetica."""

    objects: list[bytes] = field(default_factory=lambda: [b"", b"", b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"])
    pages: list[int] = field(default_factory=list)

    def add(self, body: str | bytes) -> int:
        """The new object's number."""
        self.objects.append(body.encode("latin-1") if isinstance(body, str) else body)
        return len(self.objects)

    def stream(self, dictionary: str, data: bytes) -> int:
        return self.add(f"<< {dictionary} /Length {len(data)} >>\nstream\n".encode() + data + b"\nendstream")

    def image(self, picture: Image.Image) -> int:
        """A picture in RGB, compressed."""
        shape = f"/Width {picture.width} /Height {picture.height} /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /FlateDecode"
        return self.stream(f"/Type /XObject /Subtype /Image {shape}", zlib.compress(picture.convert("RGB").tobytes()))

    def page(
        self,
        content: str,
        *,
        box: Sequence[float] = LETTER,
        crop: Sequence[float] | None = None,
        rotate: int = 0,
        things: str = "",
        more: str = "",
    ) -> Pdf:
        """A page of drawing operators; the font is /F, `things` its XObjects, `more` further entries."""
        body = self.stream("", content.encode("latin-1"))
        boxes = f"/MediaBox [{_numbers(box)}]" + (f" /CropBox [{_numbers(crop)}]" if crop else "")
        resources = f"/Resources << /Font << /F 3 0 R >> /XObject << {things} >> >>"
        self.pages.append(self.add(f"<< /Type /Page /Parent 2 0 R {boxes} /Rotate {rotate} {resources} /Contents {body} 0 R {more} >>"))
        return self

    def written(self, trailer: str = "") -> bytes:
        kids = " ".join(f"{number} 0 R" for number in self.pages)
        self.objects[0] = b"<< /Type /Catalog /Pages 2 0 R >>"
        self.objects[1] = f"<< /Type /Pages /Kids [{kids}] /Count {len(self.pages)} >>".encode()
        file, places = b"%PDF-1.7\n", []
        for number, body in enumerate(self.objects, 1):
            places.append(len(file))
            file += b"%d 0 obj\n%s\nendobj\n" % (number, body)
        table = b"".join(b"%010d 00000 n \n" % place for place in places)
        head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1)
        tail = f"trailer << /Size {len(places) + 1} /Root 1 0 R {trailer} >>\nstartxref\n{len(file)}\n%%EOF\n"
        return file + head + table + tail.encode("latin-1")


def _numbers(values: Sequence[float]) -> str:
    return " ".join(str(value) for value in values)


def text_at(x: float, y: float, text: str, size: float = 12, more: str = "") -> str:
    """Operators that write a line with its baseline at x, y."""
    return f"BT {more} /F {size} Tf 1 0 0 1 {x} {y} Tm ({text}) Tj ET\n"


def chinese(lines: Sequence[tuple[float, float, str]], *, downwards: bool = False) -> bytes:
    """A page with a line of Chinese at each x, y; `downwards` from top to bottom.

    Its font is embedded, since PDFium finds no text in one that the machine would have to bring: Pillow's own, whose Latin shapes here
    mean Chinese.
    """
    pdf = Pdf()
    codes = {
        character: code for code, character in enumerate(sorted({c for _, _, text in lines for c in text}), start=36)
    }  # after its signs
    file = pdf.stream("", ImageFont.load_default(18).path.getvalue())  # type: ignore[union-attr]  a BytesIO
    shape = "/Flags 4 /FontBBox [0 -200 1000 900] /ItalicAngle 0 /Ascent 900 /Descent -200 /CapHeight 700 /StemV 80"
    about = pdf.add(f"<< /Type /FontDescriptor /FontName /Default {shape} /FontFile2 {file} 0 R >>")
    system = "/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /CIDToGIDMap /Identity"
    glyphs = pdf.add(f"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Default {system} /FontDescriptor {about} 0 R /DW 1000 >>")
    meanings = "".join(f"<{code:04x}> <{character.encode('utf-16-be').hex()}>\n" for character, code in codes.items())
    cmap = f"begincmap 1 begincodespacerange <0000> <ffff> endcodespacerange {len(codes)} beginbfchar\n{meanings}endbfchar endcmap"
    means = pdf.stream("", cmap.encode())
    encoding = f"/Encoding /Identity-{'V' if downwards else 'H'} /DescendantFonts [{glyphs} 0 R] /ToUnicode {means} 0 R"
    pdf.objects[2] = f"<< /Type /Font /Subtype /Type0 /BaseFont /Default {encoding} >>".encode()

    def shown(text: str) -> str:
        return "".join(f"{codes[character]:04x}" for character in text)

    return pdf.page("".join(f"BT /F 18 Tf 1 0 0 1 {x} {y} Tm <{shown(text)}> Tj ET\n" for x, y, text in lines)).written()


def picture_at(name: str, x: float, y: float, width: float, height: float) -> str:
    return f"q {width} 0 0 {height} {x} {y} cm /{name} Do Q\n"


def letter() -> str:
    """A page of running text."""
    sentences = (
        "The quick brown fox jumps over the lazy dog.",
        "Pack my box with five dozen liquor jugs.",
        "How vexingly quick daft zebras jump.",
    )
    return "".join(text_at(72, 700 - 20 * row, sentences[row % 3]) for row in range(12))


def bomb(width: int, height: int) -> Pdf:
    """A one-page PDF of a few kilobytes with a bilevel picture so large."""
    pdf = Pdf()
    packer = zlib.compressobj(9)
    row = bytes((width + 7) // 8)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    shape = f"/Width {width} /Height {height} /ColorSpace /DeviceGray /BitsPerComponent 1 /Filter /FlateDecode"
    number = pdf.stream(f"/Type /XObject /Subtype /Image {shape}", data)
    return pdf.page(picture_at("I", 0, 0, 612, 792), things=f"/I {number} 0 R")


def nested_bomb(depth: int = 12) -> bytes:
    """A PDF of 3 kB whose page holds ten forms that hold ten forms each, and so on."""
    pdf = Pdf()
    number = pdf.stream("/Type /XObject /Subtype /Form /BBox [0 0 612 792]", b"0 0 10 10 re f")
    for _ in range(depth):
        resources = f"/Resources << /XObject << /X {number} 0 R >> >>"
        number = pdf.stream(f"/Type /XObject /Subtype /Form /BBox [0 0 612 792] {resources}", b"/X Do " * 10)
    return pdf.page("/X Do", things=f"/X {number} 0 R").written()


PADDING = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")


def encrypted(user_password: bytes) -> bytes:
    """A PDF of one page under 40-bit RC4, the oldest scheme of the standard; an empty user password opens by itself."""
    identity, owner, permissions = b"0123456789abcdef", b"o" * 32, struct.pack("<i", -4)
    padded = (user_password + PADDING)[:32]
    key = hashlib.md5(padded + owner + permissions + identity).digest()[:5]  # noqa: S324  the format's own
    pdf = Pdf()
    content = letter().encode()
    number = len(pdf.objects) + 1
    own_key = hashlib.md5(key + struct.pack("<I", number)[:3] + b"\0\0").digest()[:10]  # noqa: S324
    pdf.page(_rc4(own_key, content).decode("latin-1"))
    lock = pdf.add(f"<< /Filter /Standard /V 1 /R 2 /P -4 /O <{owner.hex()}> /U <{_rc4(key, PADDING).hex()}> >>")
    return pdf.written(f"/Encrypt {lock} 0 R /ID [<{identity.hex()}> <{identity.hex()}>]")


def _rc4(key: bytes, data: bytes) -> bytes:
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)
