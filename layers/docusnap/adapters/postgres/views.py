"""Rows → documents as their owners see them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter

import sqlalchemy as sa

from docusnap.adapters.pages import problem_from_json
from docusnap.adapters.postgres.database import Row
from docusnap.adapters.postgres.schema import document, revision
from docusnap.errors import DocumentNotFound
from docusnap.model import DocumentView, Progress, RevisionView, Status

_document = document.c
_revision = revision.c

# One row a document, or two where its newest revision is not the one that is served: the served one first.
VIEW = (
    sa.select(
        _document.id,
        _document.tenant_id,
        _document.filename,
        _document.content_type,
        _document.bucket,
        _document.key,
        _document.origin,
        _document.upload_expires_at,
        _document.created_at,
        _revision.number,
        _revision.status,
        _revision.pages_total,
        _revision.pages_done,
        _revision.pages_failed,
        _revision.error,
        _revision.etag,
        _revision.updated_at,
    )
    .join_from(document, revision, _revision.document_id == _document.id)
    .where(_document.deleted_at.is_(None), _revision.served | _revision.newest)
    .order_by(_document.created_at.desc(), _document.id.desc(), _revision.number)
)

ONE = VIEW.where(document.c.id == sa.bindparam("document"), document.c.tenant_id == sa.bindparam("tenant"))


def find(connection: sa.Connection, tenant: str, document_id: str) -> DocumentView:
    """Raises: DocumentNotFound."""
    check_id(document_id)
    return found(connection.execute(ONE, {"document": document_id, "tenant": tenant}).all())


def found(rows: Sequence[Row]) -> DocumentView:
    """The one document of these rows. Raises: DocumentNotFound."""
    if not rows:
        raise DocumentNotFound
    return view(rows)


def check_id(document_id: str) -> None:
    """Spare the database what can be no id: it would choke on some, such as those with a NUL.

    Raises: DocumentNotFound.
    """
    if not is_id(document_id):
        raise DocumentNotFound


def is_id(text: str) -> bool:
    return re.fullmatch("[0-9a-f]{32}", text) is not None


def views(rows: Iterable[Row]) -> list[DocumentView]:
    """The rows of VIEW, newest document first."""
    return [view(list(group)) for _, group in groupby(rows, key=attrgetter("id"))]


def view(rows: Sequence[Row]) -> DocumentView:
    served, newest = rows[0], rows[-1]
    shown = revision_view(served)
    return DocumentView(
        id=newest.id,
        tenant=newest.tenant_id,
        filename=newest.filename,
        content_type=newest.content_type,
        bucket=newest.bucket,
        key=newest.key,
        foreign=newest.origin == "foreign",
        served=shown,
        newest=shown if newest is served else revision_view(newest),
        uploaded=newest.etag is not None,
        upload_expires_at=newest.upload_expires_at,
        created_at=newest.created_at,
        updated_at=newest.updated_at,
    )


def revision_view(row: Row) -> RevisionView:
    """A row with the revision's number, status, counts of pages and error."""
    pages = Progress(row.pages_total, row.pages_done, row.pages_failed)
    return RevisionView(row.number, Status(row.status), pages, problem_from_json(row.error))
