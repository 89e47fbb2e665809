"""Rows → documents as their owners see them."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa

from docusnap.adapters.postgres.database import Row
from docusnap.adapters.postgres.pages import problem_from_json
from docusnap.adapters.postgres.schema import document, revision
from docusnap.errors import DocumentNotFound
from docusnap.model import DocumentView, Progress, RevisionView, Status

served = revision.alias("served")
newest = revision.alias("newest")
_any = revision.alias("any_of_it")

is_newest = newest.c.number == (
    sa.select(sa.func.max(_any.c.number)).where(_any.c.document_id == document.c.id).correlate(document).scalar_subquery()
)


def _of(alias: sa.FromClause, prefix: str) -> list[sa.Label[Any]]:
    columns = ("number", "status", "pages_total", "pages_done", "pages_failed", "error")
    return [alias.c[column].label(f"{prefix}_{column}") for column in columns]


VIEW = (
    sa.select(
        document.c.id,
        document.c.tenant_id,
        document.c.filename,
        document.c.content_type,
        document.c.bucket,
        document.c.key,
        document.c.origin,
        document.c.upload_expires_at,
        document.c.created_at,
        newest.c.etag,
        newest.c.updated_at,
        *_of(served, "served"),
        *_of(newest, "newest"),
    )
    .join_from(document, served, (served.c.document_id == document.c.id) & served.c.served)
    .join(newest, (newest.c.document_id == document.c.id) & is_newest)
    .where(document.c.deleted_at.is_(None))
)

_ONE = VIEW.where(document.c.id == sa.bindparam("document"), document.c.tenant_id == sa.bindparam("tenant"))


def find(connection: sa.Connection, tenant: str, document_id: str) -> DocumentView:
    """Raises: DocumentNotFound."""
    check_id(document_id)
    row = connection.execute(_ONE, {"document": document_id, "tenant": tenant}).one_or_none()
    if row is None:
        raise DocumentNotFound
    return view(row)


def check_id(document_id: str) -> None:
    """Spare the database what can be no id: it would choke on some, such as those with a NUL.

    Raises: DocumentNotFound.
    """
    if not re.fullmatch("[0-9a-f]{32}", document_id):
        raise DocumentNotFound


def view(row: Row) -> DocumentView:
    """A row of VIEW."""
    shown = RevisionView(
        row.served_number,
        Status(row.served_status),
        Progress(row.served_pages_total, row.served_pages_done, row.served_pages_failed),
        problem_from_json(row.served_error),
    )
    return DocumentView(
        id=row.id,
        tenant=row.tenant_id,
        filename=row.filename,
        content_type=row.content_type,
        bucket=row.bucket,
        key=row.key,
        foreign=row.origin == "foreign",
        served=shown,
        newest=shown if row.newest_number == row.served_number else _newest(row),
        uploaded=row.etag is not None,
        upload_expires_at=row.upload_expires_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _newest(row: Row) -> RevisionView:
    return RevisionView(
        row.newest_number,
        Status(row.newest_status),
        Progress(row.newest_pages_total, row.newest_pages_done, row.newest_pages_failed),
        problem_from_json(row.newest_error),
    )
