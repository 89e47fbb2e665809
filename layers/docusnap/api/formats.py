"""Which form of the content a client gets: `format=` wins, then the Accept header, then json."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from docusnap.errors import FormatNotAvailable, UnknownFormat

BUILT = {"json": "application/json", "text": "text/plain"}  # the first wins where a client likes both as much
PLANNED = frozenset({"markdown", "hocr", "alto", "pdf"})


@dataclass(frozen=True, slots=True)
class _Range:
    """One media range of an Accept header."""

    pattern: str
    quality: float

    def specificity(self, media_type: str) -> int:
        """0 where it does not match, else more for a closer match."""
        if self.pattern == media_type:
            return 3
        if self.pattern == f"{media_type.partition('/')[0]}/*":
            return 2
        return 1 if self.pattern == "*/*" else 0


def choose(asked: str | None, accept: str | None) -> str:
    """A key of `BUILT`.

    Raises: UnknownFormat, FormatNotAvailable.
    """
    if asked is not None:
        return _by_name(asked)
    ranges = _ranges(accept or "")
    if not ranges:
        return "json"
    rated = [(_rate(ranges, media_type), -place, name) for place, (name, media_type) in enumerate(BUILT.items())]
    (quality, _), _, name = max(rated)
    if quality <= 0:
        raise FormatNotAvailable(f"None of {accept} is built.")
    return name


def _by_name(asked: str) -> str:
    if asked in BUILT:
        return asked
    if asked in PLANNED:
        raise FormatNotAvailable(f"The format {asked} is not built yet.")
    raise UnknownFormat(parameter="format")


def _rate(ranges: Sequence[_Range], media_type: str) -> tuple[float, int]:
    """The quality that the closest matching range gives, and how close it is (RFC 9110, 12.5.1)."""
    closeness, quality = max((r.specificity(media_type), r.quality) for r in ranges)
    return (quality, closeness) if closeness else (0.0, 0)


def _ranges(accept: str) -> Sequence[_Range]:
    return [_range(part) for part in accept.lower().split(",") if part.strip()]


def _range(part: str) -> _Range:
    pattern, *parameters = (piece.strip() for piece in part.split(";"))
    weights = [piece[2:].strip() for piece in parameters if piece.startswith("q=")]
    readable = weights and re.fullmatch(r"[01](\.[0-9]{0,3})?", weights[0])
    return _Range("*/*" if pattern == "*" else pattern, float(weights[0]) if readable else 1.0)
