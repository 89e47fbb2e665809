"""Search over Chinese and English: what is found, and where on the page."""

from __future__ import annotations

import base64
import json

import pytest
from docusnap.errors import EmptyQuery, InvalidCursor
from docusnap.model import OcrMode, SearchMatch

from tests.contract.ledger.world import SQUARE, World


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


def test_pages_of_one_document_come_in_order_and_the_cursor_may_stop_between_them(world: World) -> None:
    older = _read(world, "invoice")
    newer = world.upload().id
    world.split(3)
    for number in (1, 2, 3):
        world.finish(f"invoice {number}")
    places, cursor = [], None
    for _ in range(4):
        listing = world.ledger.search("acme", "invoice", 1, cursor)
        places += [(hit.document_id, hit.page) for hit in listing.items]
        cursor = listing.cursor
    assert places == [(newer, 1), (newer, 2), (newer, 3), (older, 1)]
    assert cursor is None


def test_a_newer_document_does_not_shift_the_pages_that_follow(world: World) -> None:
    documents = [_read(world, "invoice") for _ in range(2)]
    first = world.ledger.search("acme", "invoice", 1, None)
    _read(world, "invoice")
    rest = world.ledger.search("acme", "invoice", 5, first.cursor)
    assert [hit.document_id for hit in [*first.items, *rest.items]] == documents[::-1]


def test_a_finished_page_is_found_while_others_still_run(world: World) -> None:
    document = world.upload().id
    world.split(2)
    world.finish("early words")
    assert _hits(world, "early") == [(document, [0])]


def test_a_document_that_failed_is_not_found(world: World) -> None:
    document = _read(world, "lost words")
    world.sql("UPDATE revision SET status = 'failed' WHERE document_id = :id", id=document)
    assert _hits(world, "lost") == []


def test_the_served_revision_is_found_until_the_next_one_is_done(world: World) -> None:
    document = _read(world, "first reading")
    world.ledger.reprocess("acme", document, OcrMode.FORCE)
    assert _hits(world, "first") == [(document, [0])]
    world.split(1)
    world.finish("second reading")
    assert _hits(world, "first") == []
    assert _hits(world, "second") == [(document, [0])]


def test_a_hit_tells_its_score_its_snippet_and_where_the_lines_stand(world: World) -> None:
    _read(world, "total", "to pay: 3.14")
    (hit,) = world.ledger.search("acme", "3.14", 20, None).items
    assert hit.score > 0
    assert hit.snippet == "total to pay: 3.14"
    assert hit.matches == [SearchMatch(1, SQUARE)]


NOW = "2026-11-24T00:00:00+00:00"
ID = "f" * 32


@pytest.mark.parametrize(
    "made_up",
    [
        ["2026-11-24T00:00:00", ID, 1],  # a time without a zone
        ["x", ID, 1],
        [1, 2, 3],
        [NOW, "a\0", 1],
        [NOW, "no id", 1],
        [NOW, ID, -1],
        [NOW, ID, 2**40],
        [NOW, ID, float("inf")],
        [NOW, ID],
        {},
        7,
    ],
)
def test_a_cursor_that_was_made_up_is_refused(world: World, made_up: object) -> None:
    token = base64.urlsafe_b64encode(json.dumps(made_up).encode()).decode()
    with pytest.raises(InvalidCursor):
        world.ledger.search("acme", "a", 20, token)


@pytest.mark.parametrize("token", ["", "é", "=", "W" * 9, base64.urlsafe_b64encode(b"[" * 100_000).decode()])
def test_a_cursor_that_is_none_is_refused(world: World, token: str) -> None:
    with pytest.raises(InvalidCursor):
        world.ledger.search("acme", "a", 20, token)
