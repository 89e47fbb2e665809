"""The collection that the benchmark measures: kinds of page, as they are and spoilt, each from a seed of its own."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

import benchmarks.pages.layouts  # noqa: F401  adds its kinds
from benchmarks.pages import spoil
from benchmarks.pages.kinds import KINDS
from benchmarks.pages.sheet import Printed

SPOILT: dict[str, tuple[str, spoil.Spoil]] = {
    "english_2_columns_dense_turned_90": ("english_2_columns_dense", spoil.turned(1)),
    "chinese_1_columns_sparse_turned_90": ("chinese_1_columns_sparse", spoil.turned(1)),
    "english_1_columns_sparse_turned_180": ("english_1_columns_sparse", spoil.turned(2)),
    "table_turned_270": ("table", spoil.turned(3)),
    "headings_across_skewed_3": ("headings_across", spoil.skewed(3)),
    "chinese_2_columns_sparse_skewed_-10": ("chinese_2_columns_sparse", spoil.skewed(-10)),
    "english_1_columns_sparse_skewed_10": ("english_1_columns_sparse", spoil.skewed(10)),
    "form_photographed": ("form", spoil.photographed),
    "english_1_columns_sparse_photographed": ("english_1_columns_sparse", spoil.photographed),
    "english_2_columns_sparse_faint": ("english_2_columns_sparse", spoil.faint),
    "chinese_1_columns_sparse_grainy": ("chinese_1_columns_sparse", spoil.grainy),
    "code_dark": ("code", spoil.dark),
    "newspaper_bilevel": ("newspaper", spoil.bilevel),
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """A page and its truth. `pixels`: height × width, grey; `lines`: in reading order."""

    name: str
    pixels: spoil.Pixels
    lines: Sequence[Printed]
    dpi: int

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)


def drawn(name: str, seed: int = 1) -> Drawn:
    """One page of the collection. Raises: KeyError for an unknown name."""
    base, spoiled = SPOILT.get(name, (name, None))
    mix = zlib.crc32(f"{seed} {name}".encode())
    sheet = KINDS[base](random.Random(mix))
    page = np.asarray(sheet.image), sheet.lines
    if spoiled is not None:
        page = spoiled(page, np.random.default_rng(mix))
    return Drawn(name, *page, sheet.dpi)


def collection(seed: int = 1) -> Iterator[Drawn]:
    return (drawn(name, seed) for name in (*KINDS, *SPOILT))
