"""Sentences of any number from a seed, in English and Chinese, with the figures, names and marks that documents have."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path

WORDS = tomllib.loads((Path(__file__).parent / "words.toml").read_text("utf-8"))
ENGLISH: dict[str, list[str]] = WORDS["english"]
CHINESE: dict[str, list[str]] = WORDS["chinese"]


def sentence(rng: random.Random, words: dict[str, list[str]]) -> str:
    chosen = {name: rng.choice(entries) for name, entries in words.items() if name != "sentences"}
    capital = {name.capitalize(): text[0].upper() + text[1:] for name, text in chosen.items()}
    return rng.choice(words["sentences"]).format(**chosen, **capital, number=rng.randint(100, 4999), small=rng.randint(10, 98))


def title(rng: random.Random, language: str) -> str:
    """A few words that end without a mark."""
    if language == "zh":
        return rng.choice(CHINESE["what"])
    text = rng.choice(ENGLISH["what"])
    return text[0].upper() + text[1:]


def paragraph(rng: random.Random, language: str, characters: int) -> str:
    """Sentences until so many characters are reached, and at least one."""
    words, space = (CHINESE, "") if language == "zh" else (ENGLISH, " ")
    parts = [sentence(rng, words)]
    while sum(map(len, parts)) < characters:
        parts.append(sentence(rng, words))
    return space.join(parts)
