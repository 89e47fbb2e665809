"""What the `ocr` function claims and commits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from docusnap import ledger, search
from docusnap.adapters.pages import engine_to_json, page_to_json, problem_from_json, problem_to_json
from docusnap.adapters.postgres import transitions
from docusnap.adapters.postgres.claim import CLAIM, CLAIM_OWN, claimed
from docusnap.adapters.postgres.database import Part, Row, reading, writing
from docusnap.adapters.postgres.schema import document, page_content, revision, work
from docusnap.adapters.postgres.transitions import now
from docusnap.errors import DatabaseUnavailable, WorkerLost
from docusnap.model import EngineInfo, Problem, RecognisedPage, Status, Work, WorkState


class WorkLog(Part):
    """ports.WorkLedger."""

    def claim(self, after: Work | None = None) -> Work | None:
        """Lease the next due unit of work for 90 s, fairly between tenants; None where nothing is due. See ports.WorkLedger."""
        while (row := self._next(after)) is not None:
            found = claimed(row)
            if row.lost >= ledger.LOST_LIMIT:
                self._fail(found, WorkerLost().problem, rejected=False, reported=0)
            elif row.status == Status.PROCESSING or self._begun(found):
                return found
        return None

    def _next(self, after: Work | None) -> Row | None:
        if after is not None and after.is_split:
            own = {"revision": after.revision_id}
            if (row := self.database.read(lambda connection: connection.execute(CLAIM_OWN, own).one_or_none())) is not None:
                return row
        return self.database.read(lambda connection: connection.execute(CLAIM).one_or_none())

    def _begun(self, found: Work) -> bool:
        """The lease is not wasted where the database has just gone: whatever is written under it is fenced, and the split turns to
        `processing` too."""
        try:
            return self._begin(found)
        except DatabaseUnavailable:
            return True

    @writing
    def _begin(self, connection: sa.Connection, found: Work) -> bool:
        """The first claim of a revision turns it to `processing`; False where it has just ended."""
        mine = revision.c.id == found.revision_id
        waiting = sa.update(revision).where(mine, revision.c.status == Status.QUEUED)
        if connection.execute(waiting.values(status=Status.PROCESSING, updated_at=now)).rowcount:
            return True
        return connection.execute(sa.select(revision.c.id).where(mine, revision.c.status == Status.PROCESSING)).one_or_none() is not None

    @reading
    def due(self, connection: sa.Connection) -> int:
        """How many units of work are due now, counted up to 100."""
        some = sa.select(sa.literal(1)).where(work.c.due_at <= now).limit(ledger.DUE_COUNTED).subquery()
        return connection.execute(sa.select(sa.func.count()).select_from(some)).scalar_one()

    @writing
    def split(self, connection: sa.Connection, work: Work, pages: int, engine: EngineInfo) -> bool:
        """Finish a split: insert the page rows, `pages` of them, one or more."""
        if pages < 1:
            raise ValueError("a file without pages is rejected, not split")
        if _lock(connection, work) is None or not _end(connection, work, {"state": WorkState.SUCCEEDED}):
            return False
        values = {"pages_total": pages, "engine": engine_to_json(engine), "status": Status.PROCESSING, "updated_at": now}
        connection.execute(sa.update(revision).where(revision.c.id == work.revision_id).values(values))
        _insert_pages(connection, work, pages)
        return True

    @writing
    def finish(self, connection: sa.Connection, work: Work, page: RecognisedPage) -> bool:
        """Commit a page with its search terms and the document's progress; the last one decides the final status."""
        owner = _lock(connection, work)
        if owner is None or not _end(connection, work, {"state": WorkState.SUCCEEDED, "error": sa.null()}):
            return False
        _insert_content(connection, owner, work, page)
        _progress(connection, work, {"pages_done": revision.c.pages_done + 1})
        return True

    def fail(self, work: Work, problem: Problem, *, retry_in: timedelta | None, rejected: bool) -> bool:
        """Report a failure: again after `retry_in`, or, with None, for good."""
        if retry_in is not None:
            return self._retry(work, problem, retry_in)
        return self._fail(work, problem, rejected=rejected, reported=1)

    @writing
    def hand_over(self, connection: sa.Connection, work: Work, *, again_in: timedelta) -> bool:
        """Give the lease back; counts in neither `failures` nor `lost`."""
        return _change(connection, work, {"state": WorkState.QUEUED, "due_at": now + again_in})

    @writing
    def release_leases(self, connection: sa.Connection) -> int:
        """Make every lease due now, for who knows that no worker lives; says how many there were."""
        return connection.execute(sa.update(work).where(work.c.state == WorkState.PROCESSING).values(due_at=now)).rowcount

    @writing
    def _retry(self, connection: sa.Connection, claimed: Work, problem: Problem, retry_in: timedelta) -> bool:
        values = {"state": WorkState.QUEUED, "due_at": now + retry_in, "failures": work.c.failures + 1, "error": problem_to_json(problem)}
        return _change(connection, claimed, values)

    @writing
    def _fail(self, connection: sa.Connection, claimed: Work, problem: Problem, *, rejected: bool, reported: int) -> bool:
        problem = replace(problem, page=claimed.page or None)
        values = {
            "state": WorkState.FAILED,
            "failures": work.c.failures + reported,
            "error": problem_to_json(problem),
            "rejected": rejected,
        }
        if _lock(connection, claimed) is None or not _end(connection, claimed, values):
            return False
        if claimed.is_split:
            status, exhausted = (Status.REJECTED, None) if rejected else (Status.FAILED, problem)
            transitions.conclude(connection, claimed.document_id, claimed.revision_id, status, problem, exhausted=exhausted)
        else:
            _progress(connection, claimed, {"pages_failed": revision.c.pages_failed + 1})
        return True


def _lock(connection: sa.Connection, claimed: Work) -> Row | None:
    return transitions.lock(connection, document.c.id == claimed.document_id)


def _end(connection: sa.Connection, claimed: Work, values: dict[str, Any]) -> bool:
    return _change(connection, claimed, values | {"due_at": None})


def _change(connection: sa.Connection, claimed: Work, values: dict[str, Any]) -> bool:
    """The fence: only who holds the newest lease may change a unit of work."""
    held = (
        (work.c.revision_id == claimed.revision_id)
        & (work.c.page == claimed.page)
        & (work.c.attempt == claimed.attempt)
        & (work.c.state == WorkState.PROCESSING)
    )
    return connection.execute(sa.update(work).where(held).values(values)).rowcount == 1


def _insert_pages(connection: sa.Connection, claimed: Work, pages: int) -> None:
    number = sa.func.generate_series(1, pages).column_valued("number")
    row = sa.select(sa.literal(claimed.revision_id), number, sa.literal(claimed.tenant), sa.literal(WorkState.QUEUED.value), now)
    connection.execute(sa.insert(work).from_select(["revision_id", "page", "tenant_id", "state", "due_at"], row))


def _insert_content(connection: sa.Connection, owner: Row, claimed: Work, page: RecognisedPage) -> None:
    body = page_to_json(page)
    lines: Sequence[str] = [line["text"] for line in body["lines"]]
    values = {
        "revision_id": claimed.revision_id,
        "page": claimed.page,
        "tenant_id": owner.tenant_id,
        "document_id": owner.id,
        "created_at": owner.created_at,
        "body": body,
        "text": "\n".join(lines),
        "terms": search.tsvector(lines),
    }
    connection.execute(sa.insert(page_content).values(values))


def _progress(connection: sa.Connection, claimed: Work, counted: dict[str, Any]) -> None:
    counting = sa.update(revision).where(revision.c.id == claimed.revision_id).values(counted | {"updated_at": now})
    row = connection.execute(counting.returning(revision.c.pages_total, revision.c.pages_done, revision.c.pages_failed)).one()
    if row.pages_done + row.pages_failed == row.pages_total:
        _conclude(connection, claimed, row.pages_done, row.pages_failed)


def _conclude(connection: sa.Connection, claimed: Work, done: int, failed: int) -> None:
    failures = sa.select(work.c.error, work.c.rejected).where(
        work.c.revision_id == claimed.revision_id, work.c.state == WorkState.FAILED, work.c.page > 0
    )
    rows = connection.execute(failures.order_by(work.c.page)).all() if failed else []
    status = ledger.final_status(ledger.Pages(done, failed, sum(row.rejected for row in rows)))
    problem = problem_from_json(rows[0].error) if rows else None
    exhausted = next((problem_from_json(row.error) for row in rows if not row.rejected), None)
    # A worker may notice an overwrite before its event comes.
    superseded = any(row.error["code"] == ledger.OVERWRITTEN.code for row in rows)
    transitions.conclude(connection, claimed.document_id, claimed.revision_id, status, problem, exhausted=exhausted, superseded=superseded)
