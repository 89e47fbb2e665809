"""How far what was read is from what is printed."""

from __future__ import annotations

import unicodedata


def cer(truth: str, text: str) -> float:
    """Character error rate: edit distance over the truth's length, after NFKC and without white space. Order counts."""
    wanted, got = plain(truth), plain(text)
    return distance(wanted, got) / max(1, len(wanted))


def plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


def distance(one: str, other: str) -> int:
    """Levenshtein's, in one integer's bits per column (Hyyrö 2003): 0.1 s for a dense page, and no package."""
    if not one:
        return len(other)
    ones, last, found = (1 << len(one)) - 1, 1 << (len(one) - 1), len(one)
    places: dict[str, int] = {}
    for number, letter in enumerate(one):
        places[letter] = places.get(letter, 0) | 1 << number
    up, down = ones, 0  # where a column grows or shrinks from row to row
    for letter in other:
        same = places.get(letter, 0)
        vertical = same | down
        horizontal = (((same & up) + up) ^ up) | same
        grows, shrinks = down | ~(horizontal | up) & ones, up & horizontal
        found += bool(grows & last) - bool(shrinks & last)
        grows, shrinks = (grows << 1 | 1) & ones, shrinks << 1 & ones
        up, down = shrinks | ~(vertical | grows) & ones, grows & vertical
    return found
