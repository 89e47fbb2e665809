"""What a recogniser's model can tell apart, and the model made to tell less.

Of the quick network's 6,906 classes 6,174 are ideographs. Where a page shows none, scoring them is more than a tenth of its time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from docusnap.adapters.onnx.graph import keep_classes

WATCHING = 8  # of so many ideographs one stays: whatever ideograph a line shows, those get a share of the probability


def is_ideograph(text: str) -> bool:
    return "\u3400" <= text <= "\u9fff"


def few(alphabet: Sequence[str]) -> list[int]:
    """The classes that a page without ideographs needs; last come ideographs that watch whether it is one."""
    ideographs = [number for number, text in enumerate(alphabet) if is_ideograph(text)]
    return [*sorted(set(range(len(alphabet))) - set(ideographs)), *ideographs[::WATCHING]]


def keep_few(parsed: Any, alphabet: Sequence[str]) -> None:
    """Of a model that tells all of `alphabet`, those classes alone."""
    keep_classes(parsed, few(alphabet), len(alphabet))
