"""Documents that ran out of their retries: found, queued again, and dropped."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from docusnap.adapters.pages import problem_from_json
from docusnap.adapters.postgres import transitions, views
from docusnap.adapters.postgres.cursor import Place
from docusnap.adapters.postgres.database import Part, Row, reading, reading_snapshot, writing
from docusnap.adapters.postgres.schema import document, revision, work
from docusnap.errors import DeadLetterNotFound
from docusnap.model import DeadFilter, DeadLetter, FailedPage, Listing, Problem, WorkState

_dead = revision.c.dead_code.is_not(None)  # what the partial indexes hold, and nothing else
_failed = (work.c.revision_id == revision.c.id) & (work.c.state == WorkState.FAILED)
_first = sa.select(sa.func.min(work.c.page)).where(_failed, ~work.c.rejected).correlate(revision).scalar_subquery()

_LETTER = (
    sa.select(
        document.c.id,
        document.c.tenant_id,
        document.c.filename,
        document.c.bucket,
        document.c.key,
        document.c.origin,
        document.c.created_at,
        revision.c.id.label("revision_id"),
        revision.c.number,
        revision.c.status,
        revision.c.pages_total,
        revision.c.pages_done,
        revision.c.pages_failed,
        revision.c.error,
        revision.c.finished_at,
        work.c.error.label("reason"),
        work.c.failures,
        work.c.lost,
    )
    .join_from(revision, document, document.c.id == revision.c.document_id)
    .join(work, (work.c.revision_id == revision.c.id) & (work.c.page == _first))
    .where(_dead)
    .order_by(revision.c.finished_at.desc(), revision.c.document_id.desc())
)


class DeadLetters(Part):
    """ports.DeadLedger, without `queued`."""

    @reading
    def dead(self, connection: sa.Connection, which: DeadFilter, limit: int, cursor: str | None) -> Listing[DeadLetter]:
        """The newest failure first; what fails meanwhile changes nothing of the pages that follow.

        Raises: InvalidCursor.
        """
        place = Place.of(cursor) if cursor is not None else None
        rows = connection.execute(statement(which, limit + 1, place)).all()
        items = [_letter(row) for row in rows[:limit]]
        more = len(rows) > limit
        return Listing(items, Place(items[-1].failed_at, items[-1].id).token() if more else None)

    @reading_snapshot
    def dead_letter(self, connection: sa.Connection, document_id: str) -> DeadLetter:
        """With its failed pages. Raises: DeadLetterNotFound."""
        row = connection.execute(_LETTER.where(document.c.id == document_id)).one_or_none() if views.is_id(document_id) else None
        if row is None:
            raise DeadLetterNotFound
        failed = work.c.revision_id == row.revision_id, work.c.state == WorkState.FAILED, work.c.page > 0
        pages = connection.execute(sa.select(work).where(*failed).order_by(work.c.page))
        return _letter(row, [FailedPage(p.page, _problem(p.error), p.failures, p.lost, p.rejected) for p in pages])

    @reading
    def dead_letters(self, connection: sa.Connection, at_most: int) -> int:
        """How many there are, counted up to `at_most`."""
        some = sa.select(sa.literal(1)).where(_dead).limit(at_most).subquery()
        return connection.execute(sa.select(sa.func.count()).select_from(some)).scalar_one()

    @writing
    def redrive(self, connection: sa.Connection, document_ids: Collection[str]) -> int:
        """Queue again, in the same revision, what ran out of its retries; says how many of these were dead letters."""
        letters = _held(connection, document_ids)
        if letters:
            transitions.reopen(connection, letters)
        return len(letters)

    @writing
    def drop(self, connection: sa.Connection, document_ids: Collection[str]) -> int:
        """Take them off the list and leave the documents as they are; says how many of these were dead letters."""
        letters = _held(connection, document_ids)
        connection.execute(sa.update(revision).where(revision.c.id.in_(letters)).values(dead_code=None))
        return len(letters)


def statement(which: DeadFilter, limit: int, after: Place | None) -> sa.Select[Any]:
    """The next `limit` letters. Which ones is read from one of the partial indexes, and only then who they are."""
    shown = revision.alias("shown").c
    query = sa.select(shown.id).where(shown.dead_code.is_not(None))
    if which.tenant is not None:
        query = query.where(shown.tenant_id == which.tenant)
    if which.code is not None:
        query = query.where(shown.dead_code == which.code)
    if after is not None:
        query = query.where(sa.tuple_(shown.finished_at, shown.document_id) < sa.tuple_(after.created_at, after.document_id))
    listed = query.order_by(shown.finished_at.desc(), shown.document_id.desc()).limit(limit)
    return _LETTER.where(revision.c.id.in_(listed))


def _held(connection: sa.Connection, document_ids: Collection[str]) -> Sequence[int]:
    """The revisions of those that are dead letters still, asked under their documents' locks.

    Locked in the order of their ids, so that two who hold some of the same never wait for each other; whoever comes second finds the
    letters of the first gone.
    """
    ids = [document_id for document_id in document_ids if views.is_id(document_id)]
    named = sa.select(document.c.id).where(document.c.id.in_(ids)).order_by(document.c.id)
    connection.execute(named.with_for_update(key_share=True))
    return connection.execute(sa.select(revision.c.id).where(revision.c.document_id.in_(ids), _dead)).scalars().all()


def _letter(row: Row, failed_pages: Sequence[FailedPage] = ()) -> DeadLetter:
    return DeadLetter(
        id=row.id,
        tenant=row.tenant_id,
        filename=row.filename,
        bucket=row.bucket,
        key=row.key,
        foreign=row.origin == "foreign",
        revision=views.revision_view(row),
        problem=_problem(row.reason),
        failures=row.failures,
        lost=row.lost,
        failed_at=row.finished_at,
        created_at=row.created_at,
        failed_pages=failed_pages,
    )


def _problem(body: dict[str, object] | None) -> Problem:
    found = problem_from_json(body)
    if found is None:
        raise ValueError("work that failed says why")
    return found
