"""Search over Chinese and English: what is found, and where on the page."""

from __future__ import annotations

import pytest
from docusnap.errors import EmptyQuery, InvalidCursor

from tests.contract.ledger.world import World


def _hits(world: World, query: str, tenant: str = "acme") -> list[tuple[str, list[int]]]:
    found = world.ledger.search(tenant, query, 20, None).items
    return [(hit.document_id, [match.line for match in hit.matches]) for hit in found]


def _read(world: World, *lines: str) -> str:
    document = world.upload()
    world.split(1)
    world.finish(*lines)
    return document.id


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ("quick", [0]),
        ("QUICK fox", [0, 1]),
        ('"brown fox"', [0, 1]),  # across the line break
        ("数据库", [2, 3]),  # across the line break
        ("數據", [2]),  # traditional finds simplified
        ("库", [3]),
        ("ＱＵＩＣＫ", [0]),  # full width
    ],
)
def test_a_hit_names_every_line_it_touches(world: World, query: str, lines: list[int]) -> None:
    document = _read(world, "The quick brown", "fox jumps", "保存在数据", "库里")
    assert _hits(world, query) == [(document, lines)]


@pytest.mark.parametrize("query", ["slow", '"fox brown"', "据数", "quick absent"])
def test_what_is_not_there_is_not_found(world: World, query: str) -> None:
    _read(world, "The quick brown", "fox jumps", "保存在数据", "库里")
    assert _hits(world, query) == []


def test_the_newest_document_comes_first_and_the_cursor_goes_on(world: World) -> None:
    documents = [_read(world, f"invoice {number}") for number in range(3)]
    first = world.ledger.search("acme", "invoice", 2, None)
    rest = world.ledger.search("acme", "invoice", 2, first.cursor)
    assert [hit.document_id for hit in [*first.items, *rest.items]] == documents[::-1]
    assert rest.cursor is None


def test_nobody_finds_another_tenants_text_or_deleted_text(world: World) -> None:
    document = _read(world, "a secret")
    assert _hits(world, "secret", "other") == []
    world.ledger.delete("acme", document)
    assert _hits(world, "secret") == []


@pytest.mark.parametrize("query", ["", "   ", "?!", '""'])
def test_an_empty_query_is_refused(world: World, query: str) -> None:
    with pytest.raises(EmptyQuery):
        world.ledger.search("acme", query, 20, None)


@pytest.mark.parametrize("query", ["'", "a & b | !c", "\\", "x:*", "<->", '"un balanced', "a'b\\c", "中'文", "(" * 50 + "a"])
def test_no_query_can_break_the_statement(world: World, query: str) -> None:
    _read(world, "nothing of this kind")
    try:
        assert _hits(world, query) == []
    except EmptyQuery:
        assert not any(character.isalnum() for character in query)


def test_a_foreign_cursor_is_refused(world: World) -> None:
    with pytest.raises(InvalidCursor):
        world.ledger.search("acme", "a", 20, "nonsense")
