"""Search over the recognised pages, newest document first."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from docusnap import search
from docusnap.adapters.postgres.cursor import Place
from docusnap.adapters.postgres.database import Part
from docusnap.adapters.postgres.schema import document, page_content, revision
from docusnap.model import Listing, SearchHit, SearchMatch, Status

# What a client may not read is not found either. A page that is finished while others still run may be read.
_UNREADABLE = (Status.FAILED, Status.REJECTED, Status.EXPIRED)


class SearchReads(Part):
    """The search of ports.QueryLedger."""

    def search(self, tenant: str, query: str, limit: int, cursor: str | None) -> Listing[SearchHit]:
        """Pages of the tenant's served revisions on which every clause of the query stands.

        Newest document first, then pages ascending; `score` informs only: it is reckoned for the rows returned, since ranking every
        match of a usual word takes a third of a second (25,000 pages).

        Raises: EmptyQuery, InvalidQuery, InvalidCursor.
        """
        asked = search.parse(query)
        wanted = statement(tenant, asked, limit + 1, Place.of(cursor) if cursor is not None else None)
        rows = self.database.read(lambda connection: connection.execute(wanted).all())
        hits = [_hit(row, asked) for row in rows[:limit]]
        return Listing(hits, _next(rows[limit - 1]) if len(rows) > limit else None)


def statement(tenant: str, asked: search.Query, limit: int, after: Place | None) -> sa.Select[Any]:
    """The `limit` next matches, with their score."""
    terms = sa.cast(sa.literal(asked.tsquery(), sa.Text), postgresql.TSQUERY)
    page = page_content.c
    found = (
        sa.select(page.document_id, page.page, page.created_at, page.body, page.terms)
        .join(revision, revision.c.id == page.revision_id)
        .join(document, document.c.id == page.document_id)
        .where(page.tenant_id == tenant, page.terms.bool_op("@@")(terms))
        .where(revision.c.served, revision.c.status.not_in(_UNREADABLE), document.c.deleted_at.is_(None))
        .order_by(page.created_at.desc(), page.document_id.desc(), page.page)
        .limit(limit)
    )
    if after:
        found = found.where(_beyond(after))
    hits = found.cte("hits").prefix_with("MATERIALIZED")
    score = sa.func.ts_rank(hits.c.terms, terms).label("score")
    return sa.select(hits.c.document_id, hits.c.page, hits.c.created_at, hits.c.body, score).order_by(
        hits.c.created_at.desc(), hits.c.document_id.desc(), hits.c.page
    )


def _next(last: sa.Row[Any]) -> str:
    return Place(last.created_at, last.document_id, last.page).token()


def _beyond(place: Place) -> sa.ColumnElement[bool]:
    page = page_content.c
    older = sa.tuple_(page.created_at, page.document_id) < (place.created_at, place.document_id)
    same = sa.and_(page.created_at == place.created_at, page.document_id == place.document_id)
    return sa.and_(page.created_at <= place.created_at, sa.or_(older, sa.and_(same, page.page > place.page)))


def _hit(row: sa.Row[Any], asked: search.Query) -> SearchHit:
    lines = row.body["lines"]
    texts = [line["text"] for line in lines]
    touched = asked.lines(texts)
    matches = [SearchMatch(number, tuple((x, y) for x, y in lines[number]["polygon"])) for number in touched]
    return SearchHit(row.document_id, row.page, round(float(row.score), 6), search.snippet(texts, touched, asked), matches)
