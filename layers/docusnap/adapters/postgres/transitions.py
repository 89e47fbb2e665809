"""What several ports do to a document, in the transaction of whoever holds its row."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from docusnap import ledger
from docusnap.adapters.pages import problem_to_json
from docusnap.adapters.postgres.database import Row
from docusnap.adapters.postgres.schema import document, page_content, revision, work
from docusnap.model import ObjectVersion, OcrMode, Problem, Status, WorkState

now = sa.func.now()

VERSION = ("etag", "version_id", "sequencer", "size")  # the columns of an object version


def lock(connection: sa.Connection, *where: sa.ColumnElement[bool]) -> Row | None:
    """The document's row, held to the end of the transaction: whoever changes anything of a document begins here."""
    return connection.execute(sa.select(document).where(*where).with_for_update(key_share=True)).one_or_none()


def newest_revision(connection: sa.Connection, document_id: str) -> Row:
    return connection.execute(sa.select(revision).where(revision.c.document_id == document_id, revision.c.newest)).one()


def version_values(seen: ObjectVersion) -> dict[str, Any]:
    return {name: getattr(seen, name) for name in VERSION}


def queue(connection: sa.Connection, owner: Row, number: int, ocr: OcrMode, version: dict[str, Any]) -> None:
    """A new revision, and the split as its first work. The first one is served at once, a later one when it has finished.

    What ended without being served can be redriven until then; now it never will be served, so its work and text go.
    """
    if number > 1:
        _drop_pages(connection, (revision.c.document_id == owner.id) & ~revision.c.served)
    older = {"newest": False, "dead_code": None}
    connection.execute(sa.update(revision).where(revision.c.document_id == owner.id, revision.c.newest).values(older))
    values = new_revision(owner, number, Status.QUEUED, ocr) | version
    revision_id = connection.execute(sa.insert(revision).values(values).returning(revision.c.id)).scalar_one()
    queue_split(connection, owner.tenant_id, revision_id)


def new_revision(owner: Row, number: int, status: Status, ocr: OcrMode) -> dict[str, Any]:
    return {
        "document_id": owner.id,
        "number": number,
        "served": number == 1,
        "newest": True,
        "status": status,
        "ocr": ocr,
        "tenant_id": owner.tenant_id,
        "created_at": owner.created_at,
    }


def queue_split(connection: sa.Connection, tenant: str, revision_id: int) -> None:
    connection.execute(sa.insert(work).values(revision_id=revision_id, page=0, tenant_id=tenant, state=WorkState.QUEUED, due_at=now))


def cancel_work(connection: sa.Connection, revision_id: int) -> None:
    """End what has not finished. The raised attempt fences those who are at it."""
    unfinished = (work.c.revision_id == revision_id) & work.c.state.in_([WorkState.QUEUED, WorkState.PROCESSING])
    values = {"state": WorkState.CANCELLED, "due_at": None, "attempt": work.c.attempt + 1}
    connection.execute(sa.update(work).where(unfinished).values(values))


def reopen(connection: sa.Connection, revision_ids: Collection[int]) -> None:
    """Queue again what ran out of its retries; what is done is kept, and what was rejected stays failed."""
    mine = work.c.revision_id.in_(revision_ids) & (work.c.state == WorkState.FAILED)
    rejected = sa.select(sa.func.count()).where(
        work.c.revision_id == revision.c.id, work.c.state == WorkState.FAILED, work.c.rejected, work.c.page > 0
    )
    running = {
        "status": sa.case((revision.c.pages_done > 0, Status.PROCESSING), else_=Status.QUEUED),
        "pages_failed": rejected.scalar_subquery(),
        "error": sa.null(),
        "dead_code": None,
        "finished_at": None,
        "updated_at": now,
    }
    connection.execute(sa.update(revision).where(revision.c.id.in_(revision_ids)).values(running))
    again = {"state": WorkState.QUEUED, "due_at": now, "failures": 0, "lost": 0, "error": sa.null()}
    connection.execute(sa.update(work).where(mine, ~work.c.rejected).values(again))


def conclude(
    connection: sa.Connection,
    document_id: str,
    revision_id: int,
    status: Status,
    problem: Problem | None,
    *,
    exhausted: Problem | None = None,
    superseded: bool = False,
) -> None:
    """Give a revision its final status, and serve it if it is worth more than the one that is served.

    `exhausted` is the first problem that further retries might have overcome: with one, the document is a dead letter.
    """
    error = sa.null() if problem is None else problem_to_json(problem)
    dead_code = None if exhausted is None else exhausted.code
    ended = {"status": status, "error": error, "dead_code": dead_code, "finished_at": now, "updated_at": now}
    connection.execute(sa.update(revision).where(revision.c.id == revision_id).values(ended))
    shown = connection.execute(
        sa.select(revision.c.id, revision.c.status, revision.c.pages_done).where(revision.c.document_id == document_id, revision.c.served)
    ).one()
    better = ledger.takes_over(status, Status(shown.status), superseded=superseded, served_pages=shown.pages_done)
    if better and shown.id != revision_id:
        _serve(connection, document_id, revision_id)


def _serve(connection: sa.Connection, document_id: str, revision_id: int) -> None:
    others = (revision.c.document_id == document_id) & (revision.c.id != revision_id)
    connection.execute(sa.update(revision).where(others, revision.c.served).values(served=False))
    connection.execute(sa.update(revision).where(revision.c.id == revision_id).values(served=True))
    _drop_pages(connection, others)


def _drop_pages(connection: sa.Connection, of: sa.ColumnElement[bool]) -> None:
    for table in (page_content, work):
        connection.execute(sa.delete(table).where(table.c.revision_id.in_(sa.select(revision.c.id).where(of))))


def bury(connection: sa.Connection, document_ids: Collection[str]) -> None:
    """Leave tombstones: no name, no text, and an object that is due for removal."""
    wiped = {"filename": "", "content_type": "", "request": sa.null(), "deleted_at": now, "look_at": now}
    connection.execute(sa.update(document).where(document.c.id.in_(document_ids)).values(wiped))
    connection.execute(sa.delete(revision).where(revision.c.document_id.in_(document_ids)))  # and with it work and content
