"""How text becomes searchable: one tokeniser for what PostgreSQL indexes, what it is asked, and which lines a hit touches.

A page is a row of units: words, and single characters of the scripts that put no spaces between words (Chinese, kana, hangul, Thai).
Each unit has a position, counted over the whole page, so that a phrase may cross a line break. Words are indexed as they are. A
character is indexed together with the character that follows it, or alone where none does: `合同書` gives 合同, 同書, 書. A phrase asks
for such pairs, and one character for every entry that begins with it: that finds it everywhere, at half the entries of a second index.

Folding makes equal what readers take for equal: NFKC, case, traditional and simplified characters (one by one, so that the same
character always folds alike), and the accents of Latin letters (café = cafe). It costs exactness: 乾 and 干 are one, résumé and resume
too. A word that is broken at a line's end ("exam-/ple") is indexed as example, exam and ple in one position.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice, pairwise
from typing import Any, NamedTuple

import opencc

from docusnap.errors import EmptyQuery, InvalidQuery

MAX_QUERY = 1000  # characters
MAX_WORD = 100  # characters; the rest of a longer word is not looked at, in pages and queries alike
MAX_UNITS = 100_000  # of one page; a printed one has at most some thousands
MAX_HYPHENS = 8  # in one phrase; with more of them, single ones are not tried
SNIPPET = 160  # characters

# PostgreSQL's limits: positions to 16383, 256 to a lexeme, 1 MB to a vector. Positions of no phrase's distance apart keep the last one
# free of false neighbours: whatever stands later on the page is found as a word there, never as part of a phrase.
LAST_EXACT, OVERFLOW = 16_380, 16_383
MAX_POSITIONS = 255
MAX_VECTOR = 1_000_000  # bytes

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u11ff\u1780-\u17ff"  # Thai, Lao, Burmese, jamo, Khmer
    "\u3005-\u3007\u3040-\u30ff\u3130-\u318f\u31f0-\u31ff\ua960-\ua97f\uac00-\ud7ff"  # kana, hangul
    "\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af"  # ideographs with all their extensions
)
_UNIT = re.compile(rf"[{_UNSPACED}]|[^\s.\-{_UNSPACED}]+")
_CHARACTER = re.compile(f"[{_UNSPACED}]")
_ACCENTED = re.compile(r"[\u00c0-\u036f\u1e00-\u1eff]")
_ACCENTS = re.compile(r"(?<=[a-z])[\u0300-\u036f]+")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d)")
_BROKEN_WORD = re.compile(r"[^\W\d_][-\u00ad\u2010\u2011]\s*$")
_HYPHEN = re.compile(r"(?<=[^\W\d_])-(?=[^\W\d_])")
_BETWEEN_IDEOGRAPHS = re.compile(r"(?<=[\u3000-\u30ff\u3400-\u9fff\uff00-\uff65])\n(?=[\u3000-\u30ff\u3400-\u9fff\uff00-\uff65])")
_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»＂", '"'))


def _plain(text: str) -> str:
    return text.replace("'", "''").replace("\\", "\\\\")


@cache
def _converter() -> Any:
    return opencc.OpenCC("t2s")


class _Letters(dict[int, str]):
    """What each character becomes: a letter its simplified form, a hyphen "-", what joins words ".", all else a space."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _folded(chr(code))
        return folded


def _folded(char: str) -> str:
    category = unicodedata.category(char)
    if category[0] in "LNM":
        # A variation selector says how to draw a character, not which one it is.
        return "" if unicodedata.name(char, "").startswith("VARIATION SELECTOR") else str(_converter().convert(char))
    if category == "Cf":
        return ""  # zero-width joiners, soft hyphens
    if char in "-\u2010\u2011":
        return "-"
    return "." if char in "._/\\@:'’&+#~·・" else " "


_LETTERS = _Letters()


def fold(text: str) -> str:
    """The letters, digits and joiners of a text in the one form that index and query share; everything else is spaces."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        if _ACCENTED.search(text):
            text = unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", text)))
    return _THOUSANDS.sub(".", text.lower()).translate(_LETTERS)


def _cut(folded: str) -> list[str]:
    return [unit[:MAX_WORD] for unit in _UNIT.findall(folded)]


class _Unit(NamedTuple):  # there are many of them, and a dataclass takes three times as long to build
    text: str
    position: int  # from 1
    first: int  # the lines it stands on, from 0
    last: int


def _units(lines: Sequence[str]) -> Iterator[_Unit]:
    return islice(_all_units(lines), MAX_UNITS)


def _all_units(lines: Sequence[str]) -> Iterator[_Unit]:
    """In reading order; both parts of a broken word and the whole share one position."""
    position, broken, previous = 0, False, ("", 0)
    for number, line in enumerate(lines):
        units = _cut(fold(line))
        for index, text in enumerate(units):
            if index == 0 and broken and line.lstrip()[:1].islower():
                yield _Unit((previous[0] + text)[:MAX_WORD], position, previous[1], number)
            else:
                position += 1
            yield _Unit(text, position, number, number)
        if units:
            previous = (units[-1], number)
            broken = bool(_BROKEN_WORD.search(line)) and not _CHARACTER.match(units[-1])


def _lexemes(lines: Sequence[str]) -> Iterator[tuple[str, int]]:
    held: _Unit | None = None
    for unit in _units(lines):
        character = _CHARACTER.match(unit.text)
        if held:
            yield held.text + unit.text if character else held.text, held.position
        held = unit if character else None
        if not character:
            yield unit.text, unit.position
    if held:
        yield held.text, held.position


def tsvector(lines: Sequence[str]) -> str:
    """A page's lines as the text form of a PostgreSQL tsvector with positions, for `::tsvector`; never too large for one.

    Costs, on very long pages only: a phrase is not found after the first 16,380 units, or where one of its parts has occurred 255 times
    before; nothing is found after 100,000 units, nor a word that first occurs after about 1 MB of distinct ones.
    """
    places: defaultdict[str, list[int]] = defaultdict(list)
    size = 0
    for lexeme, exact in _lexemes(lines):
        position = exact if exact <= LAST_EXACT else OVERFLOW
        cost = 2 if lexeme in places else len(lexeme.encode()) + 8
        if size + cost > MAX_VECTOR:
            continue
        seen = places[lexeme]
        if len(seen) < MAX_POSITIONS and (not seen or seen[-1] < position):
            seen.append(position)
            size += cost
    return " ".join(f"'{_plain(lexeme)}':{','.join(map(str, seen))}" for lexeme, seen in places.items())


Phrase = tuple[str, ...]  # units that follow each other; one of them alone is a phrase too


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked: every clause must be found, each as one of its phrases ("well-known" also as wellknown)."""

    clauses: tuple[tuple[Phrase, ...], ...]

    def tsquery(self) -> str:
        """The text form of a PostgreSQL tsquery, for `::tsquery`."""
        return " & ".join("(" + " | ".join(map(_tsquery, clause)) + ")" for clause in self.clauses)

    def lines(self, lines: Sequence[str]) -> tuple[int, ...]:
        """Every line, from 0, that a match touches, ascending; empty where some clause is not on this page.

        A page that PostgreSQL finds has at least one such line: both sides read the same units.
        """
        places = _places(lines, (phrase for clause in self.clauses for phrase in clause))
        touched: set[int] = set()
        for clause in self.clauses:
            found = {line for phrase in clause for line in _touched(phrase, places)}
            if not found:
                return ()
            touched |= found
        return tuple(sorted(touched))


def _tsquery(phrase: Phrase) -> str:
    parts: list[tuple[int, str]] = []
    kinds = [bool(_CHARACTER.match(unit)) for unit in phrase]
    for offset, unit in enumerate(phrase):
        paired = kinds[offset] and offset + 1 < len(phrase) and kinds[offset + 1]
        if paired:
            parts.append((offset, f"'{_plain(unit + phrase[offset + 1])}'"))
        elif not kinds[offset]:
            parts.append((offset, f"'{_plain(unit)}'"))
        elif offset == 0 or not kinds[offset - 1]:
            parts.append((offset, f"'{_plain(unit)}':*"))  # the last of several is in the pair before it
    distances = "".join(f" <{later[0] - earlier[0]}> {later[1]}" for earlier, later in pairwise(parts))
    return f"({parts[0][1]}{distances})"


def _places(lines: Sequence[str], phrases: Iterable[Phrase]) -> Mapping[str, Mapping[int, _Unit]]:
    """Where the units of these phrases stand."""
    places: dict[str, dict[int, _Unit]] = {text: {} for phrase in phrases for text in phrase}
    for unit in _units(lines):
        if (seen := places.get(unit.text)) is not None:
            seen[unit.position] = unit
    return places


def _touched(phrase: Phrase, places: Mapping[str, Mapping[int, _Unit]]) -> Iterator[int]:
    starts = set.intersection(*({position - offset for position in places[text]} for offset, text in enumerate(phrase)))
    for start in starts:
        for offset, text in enumerate(phrase):
            unit = places[text][start + offset]
            yield from range(unit.first, unit.last + 1)


def parse(q: str) -> Query:
    """Read a query: bare words are ANDed; "quotes", runs of Chinese and what punctuation joins (INV-2024, 3.14) are phrases.

    Raises: EmptyQuery without a letter, digit or character; InvalidQuery over 1,000 characters.
    """
    if len(q) > MAX_QUERY:
        raise InvalidQuery(f"q is longer than {MAX_QUERY} characters.")
    sections = q.translate(_QUOTES).split('"')
    if len(sections) % 2 == 0:
        sections[-2:] = [" ".join(sections[-2:])]  # a quote that is never closed is no quote
    clauses: dict[tuple[Phrase, ...], None] = {}
    for index, section in enumerate(sections):
        folded = fold(section)
        for text in [folded] if index % 2 else folded.split():
            if phrases := _phrases(text):
                clauses[phrases] = None
    if not clauses:
        raise EmptyQuery
    return Query(tuple(clauses))


def _phrases(folded: str) -> tuple[Phrase, ...]:
    """The ways to read it: as it is, without its hyphens, and without one of them, as on a page where a line breaks there."""
    hyphens = [found.start() for found in _HYPHEN.finditer(folded)]
    single = hyphens if len(hyphens) <= MAX_HYPHENS else []
    readings = [folded, _HYPHEN.sub("", folded), *(folded[:at] + folded[at + 1 :] for at in single)]
    return tuple(phrase for phrase in dict.fromkeys(tuple(_cut(reading)) for reading in readings) if phrase)


def snippet(lines: Sequence[str], matched: Sequence[int], query: Query | None = None) -> str:
    """About 160 characters of plain text from the first matched line on, with what stands before it if there is room.

    In a line longer than that, it starts near the first match of `query`.
    """
    number = matched[0] if matched else 0
    line = lines[number] if lines else ""
    start = _nearby(line, query) if query and len(line) > SNIPPET else 0
    before, after = _flowing([*lines[:number], line[:start]]), _flowing([line[start:], *lines[number + 1 :]])
    lead = before[len(before) - max(0, SNIPPET - len(after)) :]
    cut_front, cut_end = len(lead) < len(before), len(after) > SNIPPET
    return f"{'…' if cut_front else ''}{_flowing([lead, after[:SNIPPET]])}{'…' if cut_end else ''}"


def _flowing(lines: Sequence[str]) -> str:
    """One line of text; Chinese is joined without a space."""
    return " ".join(_BETWEEN_IDEOGRAPHS.sub("", "\n".join(lines)).split())


def _nearby(line: str, query: Query) -> int:
    """Where to start in a long line so that a match is seen."""
    phrases = [phrase for clause in query.clauses for phrase in clause]
    for start in range(0, len(line), SNIPPET // 2):
        places = _places([line[start : start + SNIPPET]], phrases)
        if any(True for phrase in phrases for _ in _touched(phrase, places)):
            return line.rfind(" ", max(0, start - 20), start) + 1 or start
    return len(line) - SNIPPET // 2  # it goes on in the next line
