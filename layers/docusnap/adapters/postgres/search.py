"""Search over the recognised pages, newest document first.

PostgreSQL guesses how many pages match, and is wrong by orders of magnitude for rare words and for phrases: over a million pages it walked
through all of them, newest first, for words that stand on none (10 s). So the way is not left to it:

1. near: the newest pages one by one, and some more where that promises to be enough. What stands everywhere is found there at once, and a
   tenant of few pages is done.
2. few: all matches by the GIN index, which knows no tenants, sorted, unless there are too many of them.
3. far: many, but not among the newest: on from there, page by page, which meets them soon.

What it costs: for a rare word the thousand pages of `near`. What stays slow is a phrase of words that both stand everywhere and never meet,
and a word that is rare with a tenant of very many pages, and stands everywhere with another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from docusnap import search
from docusnap.adapters.postgres.cursor import Place
from docusnap.adapters.postgres.database import Part, Row
from docusnap.adapters.postgres.schema import document, page_content, revision
from docusnap.model import Listing, SearchHit, SearchMatch, Status

NEAR = 1000  # pages
FURTHER = 8  # times as many, where some of them matched
FEW = 5000  # matches
OTHERS = 10  # times as many are looked at, since other tenants' are among them

# What a client may not read is not found either. A page that is finished while others still run may be read.
_UNREADABLE = (Status.FAILED, Status.REJECTED, Status.EXPIRED)

_page = page_content.c
Conditions = tuple[sa.ColumnElement[bool], ...]

_KEYS = (_page.revision_id, _page.page, _page.document_id, _page.created_at)
_BY_GIN = sa.text("SET LOCAL enable_seqscan = off")
_BY_WALKING = sa.text("SET LOCAL enable_bitmapscan = off")


class SearchReads(Part):
    """The search of ports.QueryLedger."""

    def search(self, tenant: str, query: str, limit: int, cursor: str | None) -> Listing[SearchHit]:
        """Pages of the tenant's served revisions on which every clause of the query stands.

        Newest document first, then pages ascending; `score` informs only: it is reckoned for the rows returned, since ranking every
        match of a usual word takes a third of a second (25,000 pages).

        Raises: EmptyQuery, InvalidQuery, InvalidCursor.
        """
        asked = search.parse(query)
        question = Question(tenant, asked.tsquery(), limit + 1)
        after = Place.of(cursor) if cursor is not None else None
        rows = self.database.read_snapshot(lambda connection: found(connection, question, after))
        hits = [_hit(row, asked) for row in rows[:limit]]
        return Listing(hits, _next(rows[limit - 1]) if len(rows) > limit else None)


@dataclass(frozen=True, slots=True)
class Question:
    """What one search asks for."""

    tenant: str
    tsquery: str
    limit: int
    near: int = NEAR
    few: int = FEW

    @property
    def terms(self) -> sa.ColumnElement[Any]:
        return sa.cast(sa.literal(self.tsquery, sa.Text), postgresql.TSQUERY)


def found(connection: sa.Connection, asked: Question, after: Place | None) -> Sequence[Row]:
    """The next matches with their text and score, `limit` of them where there are so many; inside of a transaction."""
    near, horizon = _walk(connection, asked, _beyond(after), asked.near)
    if horizon and len(near) * FURTHER >= asked.limit:
        more, horizon = _walk(connection, asked, _from(horizon), asked.near * FURTHER)
        near = _joined(near, more)
    if horizon is None:
        return near[: asked.limit]
    connection.execute(_BY_GIN)
    few = connection.execute(_few(asked, after)).all()
    if few[0].looked_at <= asked.few * OTHERS and few[0].matches <= asked.few:
        return [row for row in few if row.document_id is not None]
    connection.execute(_BY_WALKING)
    return _joined(near, connection.execute(_with_text(_far(asked, horizon), asked)).all())[: asked.limit]


def _joined(near: Sequence[Row], more: Sequence[Row]) -> list[Row]:
    """Two walks of which the second begins at the page where the first ended."""
    known = {(row.document_id, row.page) for row in near}
    return [*near, *(row for row in more if (row.document_id, row.page) not in known)]


def _walk(connection: sa.Connection, asked: Question, where: Conditions, pages: int) -> tuple[Sequence[Row], Place | None]:
    """Matches on the next so many pages, and the last of these; None where no more are wanted, or no more are there."""
    mine = (_page.tenant_id == asked.tenant, *where)
    next_ones = _in_order(sa.select(*_KEYS, _page.terms).where(*mine), page_content).limit(pages).subquery("next_ones")
    matching = _readable(next_ones, asked).where(next_ones.c.terms.bool_op("@@")(asked.terms))
    rows = connection.execute(_with_text(matching, asked)).all()
    if len(rows) == asked.limit:
        return rows, None
    places = _in_order(sa.select(_page.created_at, _page.document_id, _page.page).where(*mine), page_content)
    last = connection.execute(places.offset(pages - 1).limit(1)).one_or_none()
    return rows, None if last is None else Place(*last)


def _few(asked: Question, after: Place | None) -> sa.Select[Any]:
    """The hits, beside how many `matches` there are; one row without a hit where none may be read."""
    # The tenant is asked for afterwards: else all matches of the others would be fetched on the way, however many.
    some = sa.select(*_KEYS, _page.tenant_id).where(_page.terms.bool_op("@@")(asked.terms), *_beyond(after))
    looked_at = some.limit(asked.few * OTHERS + 1).cte("looked_at").prefix_with("MATERIALIZED")
    matches = sa.select(looked_at).where(looked_at.c.tenant_id == asked.tenant).cte("matches").prefix_with("MATERIALIZED")
    counts = [sa.select(sa.func.count()).select_from(one).scalar_subquery().label(one.name) for one in (looked_at, matches)]
    counted = sa.select(*counts).subquery("counted")
    hits = _with_text(_readable(matches, asked), asked).subquery("found")
    return _in_order(sa.select(counted, hits).select_from(counted.outerjoin(hits, sa.true())), hits)


def _far(asked: Question, horizon: Place) -> sa.Select[Any]:
    pages = _readable(page_content, asked)
    return pages.where(_page.tenant_id == asked.tenant, _page.terms.bool_op("@@")(asked.terms), *_from(horizon))


def _readable(pages: sa.FromClause, asked: Question) -> sa.Select[Any]:
    """The first of these pages that belong to a revision that is served and may be read."""
    keys = sa.select(*(pages.c[column.name] for column in _KEYS))
    served = (
        keys.join(revision, revision.c.id == pages.c.revision_id)
        .join(document, document.c.id == pages.c.document_id)
        .where(revision.c.served, revision.c.status.not_in(_UNREADABLE), document.c.deleted_at.is_(None))
    )
    return _in_order(served, pages).limit(asked.limit)


def _with_text(keys: sa.Select[Any], asked: Question) -> sa.Select[Any]:
    hits = keys.cte("hits").prefix_with("MATERIALIZED")
    score = sa.func.ts_rank(_page.terms, asked.terms).label("score")
    same = (_page.revision_id == hits.c.revision_id) & (_page.page == hits.c.page)
    rows = sa.select(hits.c.document_id, hits.c.page, hits.c.created_at, _page.body, score).join_from(hits, page_content, same)
    return _in_order(rows, hits)


def _in_order(rows: sa.Select[Any], of: sa.FromClause) -> sa.Select[Any]:
    return rows.order_by(of.c.created_at.desc(), of.c.document_id.desc(), of.c.page)


def _next(last: Row) -> str:
    return Place(last.created_at, last.document_id, last.page).token()


def _from(place: Place) -> Conditions:
    """The page itself too: two revisions of a document may have it, and the first walk have seen the one that is not served."""
    return _beyond(Place(place.created_at, place.document_id, place.page - 1))


def _beyond(place: Place | None) -> Conditions:
    if place is None:
        return ()
    older = sa.tuple_(_page.created_at, _page.document_id) < (place.created_at, place.document_id)
    same = sa.and_(_page.created_at == place.created_at, _page.document_id == place.document_id)
    return _page.created_at <= place.created_at, sa.or_(older, sa.and_(same, _page.page > place.page))


def _hit(row: Row, asked: search.Query) -> SearchHit:
    lines = row.body["lines"]
    texts = [line["text"] for line in lines]
    touched = asked.lines(texts)
    matches = [SearchMatch(number, tuple((x, y) for x, y in lines[number]["polygon"])) for number in touched]
    return SearchHit(row.document_id, row.page, round(float(row.score), 6), search.snippet(texts, touched, asked), matches)
