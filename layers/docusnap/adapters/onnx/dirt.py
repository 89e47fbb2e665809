"""Accents that are dirt: the tail of a letter of the line above reaches into the raster, and is read as an accent.

Such ink is one piece, cut off by the raster's upper edge, and the network is in doubt. A real accent lies inside, nearly always; where
lines stand so close that one is cut off, it is read for sure, or is of two dots.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any

from numpy.typing import NDArray

from docusnap.adapters.onnx.pieces import Inked, Piece
from docusnap.adapters.onnx.recogniser import Character, Reading

ABOVE = 230  # Unicode's class of what combines above a letter
DOUBT = 0.8  # confidence from which an accent is believed
BODY = 0.3  # of the raster's height: a letter is higher, what stands over it is not
REACH = 0.35  # of the raster's height, to either side of a letter's middle
OVERLAP = 1  # rows that an accent may share with its letter


def without_dirt(raster: NDArray[Any], reading: Reading) -> Reading:
    """The reading without accents that belong to the line above. `raster`: of a line that runs to the right, grey or RGB.

    Cost: a millisecond for a line with an accent in doubt, nothing for others.
    """
    doubted = [c.confidence < DOUBT and _bare(c.text) != c.text for c in reading.characters]
    if not any(doubted):
        return reading
    inked = Inked.of(raster)
    return Reading(tuple(_cleaned(inked, c) if doubt else c for c, doubt in zip(reading.characters, doubted, strict=True)))


@cache
def _bare(text: str) -> str:
    """A Latin letter without what stands above it; anything else as it is."""
    if text.isascii() or not unicodedata.name(text[0], "").startswith("LATIN"):
        return text
    kept = "".join(part for part in unicodedata.normalize("NFD", text) if unicodedata.combining(part) != ABOVE)
    return unicodedata.normalize("NFC", kept)


def _cleaned(inked: Inked, letter: Character) -> Character:
    above = _above(inked, letter.position * inked.width)
    return letter._replace(text=_bare(letter.text)) if len(above) == 1 and above[0].top == 0 else letter


def _above(inked: Inked, place: float) -> Sequence[Piece]:
    """The pieces over the letter at `place`, columns from the left."""
    reach = REACH * inked.height
    near = [piece for piece in inked.pieces if piece.left < place + reach and piece.right > place - reach]
    bodies = [piece for piece in near if piece.height > BODY * inked.height]
    if not bodies:
        return ()
    body = min(bodies, key=lambda piece: max(piece.left - place, place - piece.right, 0.0) + abs(piece.middle - place) / inked.width)
    left, right = max(body.left, place - reach), min(body.right, place + reach)
    return [piece for piece in near if piece.bottom <= body.top + OVERLAP and piece.right > left and piece.left < right]
