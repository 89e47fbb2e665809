"""Search goes three ways, by how many pages match and where they stand; all of them find the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import pytest
import sqlalchemy as sa
from docusnap import search
from docusnap.adapters.postgres.cursor import Place
from docusnap.adapters.postgres.search import Question, found
from docusnap.model import OcrMode

from tests.contract.ledger.world import World

EVERYWHERE, SELDOM, EARLY = "common 的", "rare", "early"
QUERIES = ["common", "的", '"common 的"', "rare", "common rare", "early", '"的 early"', "absent", "common absent", '"rare common"']
WAYS = [(1, 100), (1, 0), (2, 1), (3, 5), (1000, 0)]  # pages looked through first, and matches that are sorted


@pytest.fixture
def library(world: World) -> World:
    """Documents of two pages; one tenant's words are the other's too. Some are deleted, or were read again."""
    for number in range(14):
        tenant = "zenith" if number % 5 == 4 else "acme"
        document = world.recognised(
            world.upload(tenant),
            f"{EVERYWHERE} {SELDOM if number == 3 else ''}",
            f"{EVERYWHERE} {EARLY}" if number < 7 else EVERYWHERE,
        )
        if number in {2, 9}:
            world.ledger.delete(tenant, document.id)
    world.sql("UPDATE revision SET status = 'failed' WHERE document_id = (SELECT id FROM document WHERE deleted_at IS NULL LIMIT 1)")
    return world


@pytest.fixture
def connection(database_url: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(database_url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        yield connection


def _expected(world: World, query: str) -> list[tuple[str, int]]:
    """By reading every page."""
    rows = world.sql(
        "SELECT p.document_id, p.page, p.text FROM page_content p JOIN revision r ON r.id = p.revision_id "
        "WHERE p.tenant_id = 'acme' AND r.served AND r.status = 'succeeded' ORDER BY p.created_at DESC, p.document_id DESC, p.page"
    )
    return [(row.document_id, row.page) for row in rows if search.parse(query).lines(row.text.split("\n"))]


def _walked(connection: sa.Connection, asked: Question) -> Iterator[tuple[str, int]]:
    """Every match, by as many searches as it takes."""
    after = None
    while rows := _once(connection, asked, after):
        yield from ((row.document_id, row.page) for row in rows)
        after = Place(rows[-1].created_at, rows[-1].document_id, rows[-1].page)


def _once(connection: sa.Connection, asked: Question, after: Place | None) -> Sequence[sa.Row[tuple[object, ...]]]:
    with connection.begin():
        return found(connection, asked, after)


def test_every_way_finds_the_same_pages_in_the_same_order(library: World, connection: sa.Connection) -> None:
    for query, (near, few), limit in product(QUERIES, WAYS, (2, 50)):
        asked = Question("acme", search.parse(query).tsquery(), limit, near, few)
        assert list(_walked(connection, asked)) == _expected(library, query), asked


def test_the_queries_find_many_few_and_none(library: World) -> None:
    counts = {query: len(_expected(library, query)) for query in QUERIES}
    assert counts["common"] > 10
    assert 1 < counts["early"] < counts["common"]
    assert (counts["rare"], counts["absent"]) == (1, 0)


def test_what_is_hidden_does_not_hide_what_is_behind_it(world: World, connection: sa.Connection) -> None:
    """All matches that were counted may not be read: the search goes on."""
    documents = [world.recognised(world.upload(), "word") for _ in range(6)]
    world.sql("UPDATE revision SET status = 'failed' WHERE document_id = ANY(:ids)", ids=[one.id for one in documents[1:]])
    asked = Question("acme", search.parse("word").tsquery(), 5, near=2, few=2)
    assert list(_walked(connection, asked)) == [(documents[0].id, 1)]


@pytest.mark.parametrize(("near", "few", "limit"), [(5, 0, 50), (5, 0, 4), (1, 0, 50), (3, 1, 50), (6, 5, 50)])
def test_a_document_that_is_read_again_is_found_whole_meanwhile(
    world: World, connection: sa.Connection, near: int, few: int, limit: int
) -> None:
    """Its pages are there twice then, and a walk may end between the two."""
    document = world.recognised(world.upload(), "word", "word", "word", "word")
    world.ledger.reprocess("acme", document.id, OcrMode.AUTO)
    world.split(4)
    for _ in range(3):
        world.finish("word")
    asked = Question("acme", search.parse("word").tsquery(), limit, near, few)
    assert list(_walked(connection, asked)) == [(document.id, page) for page in (1, 2, 3, 4)]


def test_what_others_have_on_every_page_hides_nothing(world: World, connection: sa.Connection) -> None:
    mine = world.recognised(world.upload("acme"), "word")
    for _ in range(12):
        world.recognised(world.upload("zenith"), "word")
    for _ in range(3):
        world.recognised(world.upload("acme"), "other")
    asked = Question("acme", search.parse("word").tsquery(), 5, near=1, few=1)
    assert list(_walked(connection, asked)) == [(mine.id, 1)]


@pytest.mark.parametrize("query", ["absent", "rare", "common"])
def test_the_settings_of_a_search_do_not_outlive_it(library: World, query: str) -> None:
    library.ledger.search("acme", query, 20, None)
    settings = library.ledger.database.read(
        lambda connection: [connection.execute(sa.text(f"SHOW {name}")).scalar_one() for name in ("enable_seqscan", "enable_bitmapscan")]
    )
    assert settings == ["on", "on"]
