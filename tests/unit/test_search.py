"""How text is folded and cut, and which lines a query touches."""

from __future__ import annotations

import pytest
from docusnap import search
from docusnap.errors import EmptyQuery, InvalidQuery


def _touched(query: str, *lines: str) -> tuple[int, ...]:
    return search.parse(query).lines(lines)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Invoice", "iNVOICE"),
        ("ＡＢＣ１２３", "abc123"),
        ("café", "CAFE"),
        ("cafe\u0301", "café"),
        ("Straße", "STRASSE"),
        ("臺灣", "台湾"),
        ("乾", "干"),
        ("ﬁn", "fin"),
        ("⽅", "方"),  # a radical that looks like the character
        ("İstanbul", "istanbul"),
        ("葛\U000e0100", "葛"),  # an ideographic variation
        ("zero\u200bwidth", "zerowidth"),
        ("soft\u00adhyphen", "softhyphen"),
    ],
)
def test_what_readers_take_for_equal_folds_alike(one: str, other: str) -> None:
    assert search.fold(one) == search.fold(other)


@pytest.mark.parametrize(("one", "other"), [("か", "が"), ("и", "й"), ("有", "无"), ("a", "b")])
def test_what_differs_stays_apart(one: str, other: str) -> None:
    assert search.fold(one) != search.fold(other)


def test_a_character_folds_alike_whatever_stands_beside_it() -> None:
    assert search.fold("乾隆") == search.fold("乾") + search.fold("隆")


@pytest.mark.parametrize(
    ("lines", "vector"),
    [
        ([], ""),
        (["", " \t"], ""),
        (["The quick", "the"], "'the':1,3 'quick':2"),
        (["合同書"], "'合同':1 '同书':2 '书':3"),
        (["合", "同"], "'合同':1 '同':2"),
        (["甲 PDF 乙"], "'甲':1 'pdf':2 '乙':3"),
        (["INV-2024: 3.14"], "'inv':1 '2024':2 '3':3 '14':4"),
        (["exam-", "ple here"], "'exam':1 'example':1 'ple':1 'here':2"),
    ],
)
def test_lines_become_terms_with_positions(lines: list[str], vector: str) -> None:
    assert search.tsvector(lines) == vector


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("quick fox", "(('quick')) & (('fox'))"),
        ('"quick fox"', "(('quick' <1> 'fox'))"),
        ("“quick fox”", "(('quick' <1> 'fox'))"),
        ("合", "(('合':*))"),
        ("合同", "(('合同'))"),
        ("合同书", "(('合同' <1> '同书'))"),
        ("合同，发票", "(('合同')) & (('发票'))"),
        ("合同2024年", "(('合同' <2> '2024' <1> '年':*))"),
        ("inv_2024", "(('inv' <1> '2024'))"),
        ("a@b.example", "(('a' <1> 'b' <1> 'example'))"),
        ("well-known", "(('well' <1> 'known') | ('wellknown'))"),
        ("fox fox", "(('fox'))"),
        ("it's", "(('it' <1> 's'))"),
        ('half "open', "(('half')) & (('open'))"),
    ],
)
def test_a_query_becomes_clauses(query: str, asked: str) -> None:
    assert search.parse(query).tsquery() == asked


@pytest.mark.parametrize(
    ("printed", "typed"),
    [
        ("It isn’t his", "isn't"),
        ("It isn't his", "isn’t"),
        ("the boys’ boat", "boys' boat"),
        ("the ‘small’ boat", "'small'"),
        ("he said “Only now” there", '"only now"'),
        ('he said "Only now" there', "“only now”"),
        ("he said “It isn’t” there", '"it isn\'t"'),
    ],
)
def test_quotes_are_found_straight_or_curly_as_they_are_typed(printed: str, typed: str) -> None:
    assert search.parse(typed).lines([printed]) == (0,)
    assert search.tsvector([printed]) == search.tsvector([printed.translate(str.maketrans("‘’“”", "''\"\""))])


@pytest.mark.parametrize("query", ["", "  ", "?!…", '""', '"', "。，、", "\0", "<-> & | !", "\ud800", "\u200b"])
def test_a_query_without_a_letter_is_empty(query: str) -> None:
    with pytest.raises(EmptyQuery):
        search.parse(query)


def test_a_query_has_a_longest_length() -> None:
    assert search.parse("a" * search.MAX_QUERY).clauses
    with pytest.raises(InvalidQuery):
        search.parse("a" * (search.MAX_QUERY + 1))


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ("quick", (0,)),
        ('"brown fox"', (0, 1)),
        ('"the quick brown fox jumps"', (0, 1)),
        ("quick jumps", (0, 1)),
        ("数据库", (2, 3)),
        ("數據", (2,)),
        ("库", (3,)),
        ("存", (2,)),
        ("姓名", (4,)),  # spread out on a form
        ("1,000", (5,)),
        ("inv-2024", (5,)),
        ("sentence", (6, 7)),
        ('"a sentence broken"', (6, 7)),
        ("state-of-the-art", (8, 9)),  # broken at one of its own hyphens
        ("résumé", (9,)),
        ("half absent", ()),
        ('"fox brown"', ()),
    ],
)
def test_a_hit_names_every_line_it_touches(query: str, lines: tuple[int, ...]) -> None:
    page = (
        *("The quick brown", "fox jumps", "保存在数据", "库里。", "姓    名", "INV-2024: 1,000.00", "This is a sen-", "tence broken"),
        *("state-of-", "the-art resume"),
    )
    assert _touched(query, *page) == lines


def test_a_capital_after_a_hyphen_begins_a_word_of_its_own() -> None:
    assert search.tsvector(["Smith-", "Jones"]) == "'smith':1 'jones':2"
    assert _touched("Smith-Jones", "Smith-", "Jones") == (0, 1)


def test_a_broken_word_may_stand_in_the_middle_of_a_phrase() -> None:
    assert _touched('"one example here"', "one exam-", "ple here") == (0, 1)


def test_a_word_longer_than_is_looked_at_is_found_by_itself() -> None:
    assert _touched("x" * 500, "x" * 500) == (0,)


# --- snippets


def test_a_snippet_begins_at_the_first_match_and_goes_on_for_about_160_characters() -> None:
    lines = ["before " * 30, "the match", "after " * 60]
    text = search.snippet(lines, [1])
    assert text.startswith("…the match after after")
    assert text.endswith("…")
    assert len(text) <= search.SNIPPET + 2


def test_a_snippet_at_the_end_of_a_page_shows_what_stands_before() -> None:
    assert search.snippet(["one", "two", "three"], [2]) == "one two three"


def test_a_snippet_joins_chinese_lines_without_a_space() -> None:
    assert search.snippet(["保存在数据", "库里 PDF", "文件"], [0]) == "保存在数据库里 PDF 文件"


@pytest.mark.parametrize("number", [0, 7, 100, 399])
def test_a_snippet_of_a_long_line_shows_the_match(number: int) -> None:
    line = " ".join(f"word{n}" for n in range(400))
    query = search.parse(f'"word{number}"')
    assert f"word{number}" in search.snippet([line], query.lines([line]), query)


def test_a_snippet_of_a_match_that_goes_on_in_the_next_line_shows_both_parts() -> None:
    lines = ["filler " * 50 + "quick", "brown fox"]
    query = search.parse('"quick brown"')
    assert "quick brown fox" in search.snippet(lines, query.lines(lines), query)
