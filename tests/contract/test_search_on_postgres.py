"""PostgreSQL and the tokeniser agree: what the one finds, the other can point at."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest
import sqlalchemy as sa
from docusnap import search
from docusnap.errors import EmptyQuery

ALPHABET = [*"合同书的一二が한ก𠀾甲乙", *"abAé1", *" -.,'\"\\:*&|!()<>，。\u00ad\n\t"]
IDEOGRAPHS = "".join(map(chr, range(0x4E00, 0x9FFF)))
NASTY = ["'", "\\", "a'b\\c", "x:*", "a & b | !c", "<->", "a <1> b", "%s %(x)s", "'; drop table x; --", "合'同\\", "\0a", "\ud800a", "a:1A"]


@pytest.fixture
def connection(empty_database_url: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(empty_database_url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        yield connection


def _found(connection: sa.Connection, lines: Sequence[str], query: search.Query) -> bool:
    statement = sa.text("SELECT CAST(:vector AS tsvector) @@ CAST(:query AS tsquery)")
    return bool(connection.execute(statement, {"vector": search.tsvector(lines), "query": query.tsquery()}).scalar_one())


def _random_text(chance: random.Random, longest: int) -> str:
    return "".join(chance.choices(ALPHABET, k=chance.randint(0, longest)))


def _queries(chance: random.Random, lines: Sequence[str]) -> Iterator[search.Query]:
    """Pieces of the page itself, pieces over its line breaks, and others."""
    page = "".join(lines)
    start = chance.randint(0, len(page))
    piece = page[start : start + chance.randint(1, 6)]
    for text in (piece, f'"{piece}"', _random_text(chance, 4), f'"{_random_text(chance, 3)}"'):
        try:
            yield search.parse(text)
        except EmptyQuery:
            assert not any(char.isalnum() for char in text)


@pytest.mark.parametrize("seed", range(20))
def test_a_page_is_found_exactly_where_lines_can_be_named(connection: sa.Connection, seed: int) -> None:
    chance = random.Random(seed)
    found = 0
    for _ in range(25):
        lines = [_random_text(chance, 12) for _ in range(chance.randint(1, 5))]
        for query in _queries(chance, lines):
            touched = query.lines(lines)
            assert _found(connection, lines, query) == bool(touched), (lines, query)
            found += bool(touched)
    assert found > 10  # the random queries do meet their pages


@pytest.mark.parametrize("text", NASTY)
def test_nasty_text_is_stored_and_asked_without_an_error(connection: sa.Connection, text: str) -> None:
    try:
        query = search.parse(text)
    except EmptyQuery:
        assert search.tsvector([text]) == ""
    else:
        assert _found(connection, [text], query)


@pytest.mark.parametrize(
    "text",
    [
        "a " * 250,
        "合" * 250,
        "合a" * 250,
        "a-" * 250,
        "a-b " * 250,
        "".join(map(chr, range(0x4E00, 0x4E00 + 998))),
        " ".join(map(str, range(240))),
    ],
)
def test_the_longest_queries_can_be_asked(connection: sa.Connection, text: str) -> None:
    for query in (search.parse(text), search.parse(f'"{text[: search.MAX_QUERY - 2]}"')):
        assert _found(connection, [text], query)


# --- PostgreSQL's limits


def _numbered(count: int) -> list[str]:
    return [f"w{number}" for number in range(count)]


@pytest.mark.parametrize("query", ["w0", "w16379", '"w16378 w16379"', "w16380", "w29999"])
def test_words_are_found_wherever_they_stand_on_a_very_long_page(connection: sa.Connection, query: str) -> None:
    assert _found(connection, _numbered(30_000), search.parse(query))


@pytest.mark.parametrize("query", ['"w16379 w16381"', '"w16379 w20000"', '"w16381 w16380"', '"w20000 w20002"', '"w0 w2"'])
def test_far_down_a_very_long_page_no_phrase_is_found_that_is_not_there(connection: sa.Connection, query: str) -> None:
    lines = _numbered(30_000)
    assert search.parse(query).lines(lines) == ()
    assert not _found(connection, lines, search.parse(query))


@pytest.mark.parametrize("last", ["末日", "合末"])
def test_no_chinese_phrase_is_made_up_at_the_last_position(connection: sa.Connection, last: str) -> None:
    lines = ["合同" * (search.LAST_EXACT // 2), "末尾" * 20]
    for query in (search.parse(f"{last}x"), search.parse(f'"{last} 1"')):
        assert query.lines(lines) == ()
        assert not _found(connection, lines, query)


def test_a_word_that_stands_on_a_page_a_thousand_times_is_found(connection: sa.Connection) -> None:
    lines = ["the cat"] * 1000 + ["last dog"]
    assert _found(connection, lines, search.parse('"the cat"'))
    assert _found(connection, lines, search.parse('"last dog"'))


@pytest.mark.parametrize(
    ("line", "beginning"),
    [
        (IDEOGRAPHS * 60, IDEOGRAPHS[:40]),  # 1.2 million characters
        (" ".join(f"{number:x}" * 20 for number in range(40_000)), "0" * 20),  # more distinct words than a vector holds
        ("x" * 3_000_000, "x" * 500),
        ("a " * 1_000_000, "a"),
    ],
    ids=["characters", "distinct words", "one word", "one letter"],
)
def test_no_page_is_too_large_to_be_stored(connection: sa.Connection, line: str, beginning: str) -> None:
    query = search.parse(beginning)
    assert _found(connection, [line], query)
    assert query.lines([line]) == (0,)
