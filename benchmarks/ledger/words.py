"""Text with words as they are spread in real text: a few stand everywhere, most nearly nowhere."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import accumulate

COMMON = "the of and to in a is for on that by this with i you it not or be are from at as your all have new more an was".split()  # noqa: SIM905
CHINESE = (
    "的一是了我不人在他有这个上们来到时大地为子中你说生国年着就那和要她出也得里后自以会家可下而过天去能对小多然于心学么之都好"
    "看起发当没成只如事把还用第样道想作种开合同文件编号总额日期公司签字盖章付款收据银行账户税率单价数量"
)
RARE = 40_000  # other words
SHARE_CHINESE = 0.3  # of the lines


def vocabulary() -> list[str]:
    """Word number n is about 1/n as frequent as the first."""
    return [*COMMON, *(f"{_syllables(number)}" for number in range(RARE))]


def _syllables(number: int) -> str:
    parts = [a + b for a in "bcdfgklmnprstv" for b in "aeiou"]
    word = ""
    while True:
        number, part = divmod(number, len(parts))
        word += parts[part]
        if not number:
            return word + parts[len(word) % 7]


def lines(chance: random.Random, words: Sequence[str]) -> Iterator[str]:
    """Without an end."""
    weights = list(accumulate(1 / (rank + 1) for rank in range(len(words))))
    characters = list(accumulate(1 / (rank + 1) for rank in range(len(CHINESE))))
    while True:
        if chance.random() < SHARE_CHINESE:
            yield "".join(chance.choices(CHINESE, cum_weights=characters, k=chance.randint(8, 20)))
        else:
            yield " ".join(chance.choices(words, cum_weights=weights, k=chance.randint(5, 14)))
