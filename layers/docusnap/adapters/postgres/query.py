"""What the `query` function reads, search aside."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, overload

import sqlalchemy as sa

from docusnap.adapters.pages import engine_from_json, page_from_json, problem_from_json
from docusnap.adapters.postgres import keys, views
from docusnap.adapters.postgres.cursor import Place
from docusnap.adapters.postgres.database import Part, Row, reading, reading_snapshot
from docusnap.adapters.postgres.question import Question
from docusnap.adapters.postgres.schema import document, page_content, revision, work
from docusnap.errors import PageNotFound
from docusnap.model import Caller, ContentView, DocumentView, Listing, PageView, Status, WorkState
from docusnap.query import LARGEST_PAGE


class Reads(Part):
    """ports.QueryLedger, without search."""

    def document(self, tenant: str, document_id: str) -> DocumentView:
        """Raises: DocumentNotFound."""
        views.check_id(document_id)
        return views.found(_DOCUMENT.ask(self.database, {"document": document_id, "tenant": tenant}))

    def document_of_key(self, secret: str, document_id: str) -> tuple[Caller | None, DocumentView | None]:
        """Who the key speaks for, and that tenant's document; None for what is not there."""
        asked = {"hash": keys.hash_of(secret), "document": document_id if views.is_id(document_id) else ""}
        rows = _OF_KEY.ask(self.database, asked)
        if not rows:
            return None, None
        return keys.caller(rows[0]), views.view(rows) if rows[0].id else None

    @reading
    def documents(
        self, connection: sa.Connection, tenant: str, status: Status | None, limit: int, cursor: str | None
    ) -> Listing[DocumentView]:
        """Newest first; what is inserted meanwhile changes nothing of the pages that follow.

        Raises: InvalidCursor.
        """
        place = Place.of(cursor) if cursor is not None else None
        listed = _listed(tenant, status, place).limit(limit + 1)
        found = views.views(connection.execute(views.VIEW.where(document.c.id.in_(listed))))
        items = found[:limit]
        more = len(found) > limit
        return Listing(items, Place(items[-1].created_at, items[-1].id).token() if more else None)

    @reading_snapshot
    def content(self, connection: sa.Connection, tenant: str, document_id: str, page: int | None) -> tuple[DocumentView, ContentView]:
        """The served revision's pages in order, finished or not, or the one asked for.

        Before the pages are counted there are none, and none is missing that there may be.

        Raises: DocumentNotFound, PageNotFound.
        """
        found = views.find(connection, tenant, document_id)
        if page is not None and not 0 < page <= LARGEST_PAGE:
            raise PageNotFound
        served = connection.execute(
            sa.select(revision.c.id, revision.c.number, revision.c.engine).where(revision.c.document_id == document_id, revision.c.served)
        ).one()
        pages = _pages(connection, served.id, page)
        counted = found.served.pages.total is not None
        if page is not None and not pages and (counted or found.served.status.final):
            raise PageNotFound
        engine = engine_from_json(served.engine) if served.engine else None
        return found, ContentView(document_id, served.number, engine, pages)


def _of_key() -> sa.Select[Any]:
    """The schema's function, which has its plan kept."""
    names = [*keys.IN_USE.selected_columns.keys(), *views.VIEW.selected_columns.keys()]
    asked = sa.func.document_of_key(sa.bindparam("hash"), sa.bindparam("document"))
    return sa.select(asked.table_valued(*names, name="found"))


_DOCUMENT = Question(views.ONE)
_OF_KEY = Question(_of_key())


def _listed(tenant: str, status: Status | None, after: Place | None) -> sa.Select[str]:
    """The ids of a list, read from one index."""
    shown = revision.alias("shown").c
    query = sa.select(shown.document_id).where(shown.served, shown.tenant_id == tenant)
    if status is not None:
        query = query.where(shown.status == status)
    if after is not None:
        query = query.where(sa.tuple_(shown.created_at, shown.document_id) < sa.tuple_(after.created_at, after.document_id))
    return query.order_by(shown.created_at.desc(), shown.document_id.desc())


def _pages(connection: sa.Connection, revision_id: int, page: int | None) -> Sequence[PageView]:
    body = sa.cast(page_content.c.body, sa.Text).label("body")
    query = (
        sa.select(work.c.page, work.c.state, work.c.error, body)
        .outerjoin(page_content, (page_content.c.revision_id == work.c.revision_id) & (page_content.c.page == work.c.page))
        .where(work.c.revision_id == revision_id, work.c.page > 0 if page is None else work.c.page == page)
        .order_by(work.c.page)
    )
    return _Pages(connection.execute(query).all())


class _Pages(Sequence[PageView]):
    """Pages as the database gave them, each read when it is asked for: the objects of one take twenty times its text."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, place: int) -> PageView: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[PageView]: ...
    def __getitem__(self, place: int | slice) -> PageView | Sequence[PageView]:
        return _Pages(self._rows[place]) if isinstance(place, slice) else _page(self._rows[place])


def _page(row: Row) -> PageView:
    state = WorkState(row.state)
    problem = problem_from_json(row.error) if state is WorkState.FAILED else None
    return PageView(row.page, state, problem, page_from_json(row.page, json.loads(row.body)) if row.body else None)
