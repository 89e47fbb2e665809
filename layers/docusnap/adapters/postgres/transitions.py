"""What several ports do to a document, in the transaction of whoever holds its row."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from docusnap import ledger
from docusnap.adapters.pages import problem_to_json
from docusnap.adapters.postgres.database import Row
from docusnap.adapters.postgres.schema import document, page_content, revision, work
from docusnap.model import ObjectVersion, OcrMode, Problem, Status, WorkState

now = sa.func.now()

VERSION = ("etag", "version_id", "sequencer", "size")  # the columns of an object version

# Statements are built once, at import, and bound at each run. These names may not be those of columns.
ERROR: sa.BindParameter[Any] = sa.bindparam("problem", type_=sa.JSON(none_as_null=True))
_document: sa.BindParameter[str] = sa.bindparam("of_document")
_revision: sa.BindParameter[int] = sa.bindparam("of_revision")


def locking(*where: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """A document's row, held to the end of the transaction: whoever changes anything of a document begins here."""
    return sa.select(document).where(*where).with_for_update(key_share=True)


LOCK = locking(document.c.id == _document)
NO_LONGER_AWAITED = sa.update(document).where(document.c.id == _document).values(look_at=None)
NEWEST = sa.select(revision).where(revision.c.document_id == _document, revision.c.newest)
NO_LONGER_NEWEST = sa.update(revision).where(revision.c.document_id == _document, revision.c.newest).values(newest=False, dead_code=None)
NEW_REVISION = sa.insert(revision).returning(revision.c.id)
NEW_SPLIT = sa.insert(work).values(revision_id=_revision, page=0, tenant_id=sa.bindparam("of_tenant"), state=WorkState.QUEUED, due_at=now)
CANCEL_WORK = (
    sa.update(work)
    .where(work.c.revision_id == _revision, work.c.state.in_([WorkState.QUEUED, WorkState.PROCESSING]))
    .values(state=WorkState.CANCELLED, due_at=None, attempt=work.c.attempt + 1)
)
END = (
    sa.update(revision)
    .where(revision.c.id == _revision)
    .values(status=sa.bindparam("ends_as"), error=ERROR, dead_code=sa.bindparam("letter"), finished_at=now, updated_at=now)
)
SHOWN = sa.select(revision.c.id, revision.c.status, revision.c.pages_done).where(revision.c.document_id == _document, revision.c.served)
SERVE = sa.update(revision).where(revision.c.id == _revision).values(served=True)
_others = (revision.c.document_id == _document) & (revision.c.id != _revision)
SERVE_NO_OTHER = sa.update(revision).where(_others, revision.c.served).values(served=False)


def _dropping(of: sa.ColumnElement[bool]) -> tuple[sa.Delete, ...]:
    """The text and the work of these revisions."""
    return tuple(sa.delete(table).where(table.c.revision_id.in_(sa.select(revision.c.id).where(of))) for table in (page_content, work))


DROP_UNSERVED = _dropping((revision.c.document_id == _document) & ~revision.c.served)
DROP_OTHERS = _dropping(_others)


def lock(connection: sa.Connection, document_id: str) -> Row | None:
    return connection.execute(LOCK, {"of_document": document_id}).one_or_none()


def newest_revision(connection: sa.Connection, document_id: str) -> Row:
    return connection.execute(NEWEST, {"of_document": document_id}).one()


def await_no_longer(connection: sa.Connection, document_id: str) -> None:
    connection.execute(NO_LONGER_AWAITED, {"of_document": document_id})


def version_values(seen: ObjectVersion) -> dict[str, Any]:
    return {name: getattr(seen, name) for name in VERSION}


def queue(connection: sa.Connection, owner: Row, number: int, ocr: OcrMode, version: dict[str, Any]) -> None:
    """A new revision, and the split as its first work. The first one is served at once, a later one when it has finished.

    What ended without being served can be redriven until then; now it never will be served, so its work and text go.
    """
    mine = {"of_document": owner.id}
    if number > 1:
        _run(connection, DROP_UNSERVED, mine)
    connection.execute(NO_LONGER_NEWEST, mine)
    revision_id = connection.execute(NEW_REVISION, new_revision(owner, number, Status.QUEUED, ocr) | version).scalar_one()
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
    connection.execute(NEW_SPLIT, {"of_revision": revision_id, "of_tenant": tenant})


def cancel_work(connection: sa.Connection, revision_id: int) -> None:
    """End what has not finished. The raised attempt fences those who are at it."""
    connection.execute(CANCEL_WORK, {"of_revision": revision_id})


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
    error = None if problem is None else problem_to_json(problem)
    letter = None if exhausted is None else exhausted.code
    mine = {"of_document": document_id, "of_revision": revision_id}
    connection.execute(END, {"of_revision": revision_id, "ends_as": status, "problem": error, "letter": letter})
    shown = connection.execute(SHOWN, mine).one()
    better = ledger.takes_over(status, Status(shown.status), superseded=superseded, served_pages=shown.pages_done)
    if better and shown.id != revision_id:
        _run(connection, (SERVE_NO_OTHER, SERVE, *DROP_OTHERS), mine)


def _run(connection: sa.Connection, statements: Iterable[sa.UpdateBase], values: Mapping[str, object]) -> None:
    for statement in statements:
        connection.execute(statement, values)


def bury(connection: sa.Connection, document_ids: Collection[str]) -> None:
    """Leave tombstones: no name, no text, and an object that is due for removal."""
    wiped = {"filename": "", "content_type": "", "request": sa.null(), "deleted_at": now, "look_at": now}
    connection.execute(sa.update(document).where(document.c.id.in_(document_ids)).values(wiped))
    connection.execute(sa.delete(revision).where(revision.c.document_id.in_(document_ids)))  # and with it work and content
