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
from docusnap.adapters.postgres.schema import page_content, revision, work
from docusnap.adapters.postgres.transitions import ERROR, now
from docusnap.errors import DatabaseUnavailable, WorkerLost
from docusnap.model import EngineInfo, Problem, RecognisedPage, Status, Work, WorkState

# Statements are built once, at import, and bound at each run. These names may not be those of columns.
_revision = revision.c.id == sa.bindparam("of_revision")
_held = (
    (work.c.revision_id == sa.bindparam("of_revision"))
    & (work.c.page == sa.bindparam("of_page"))
    & (work.c.attempt == sa.bindparam("of_attempt"))
    & (work.c.state == WorkState.PROCESSING)
)
_again_at = now + sa.bindparam("again_in", type_=sa.Interval())


def _change(**values: object) -> sa.Update:
    """The fence: only who holds the newest lease may change a unit of work."""
    return sa.update(work).where(_held).values(values)


SPLIT = _change(state=WorkState.SUCCEEDED, due_at=None)
FINISH = _change(state=WorkState.SUCCEEDED, due_at=None, error=sa.null())
HAND_OVER = _change(state=WorkState.QUEUED, due_at=_again_at)
RETRY = _change(state=WorkState.QUEUED, due_at=_again_at, failures=work.c.failures + 1, error=ERROR)
FAIL = _change(
    state=WorkState.FAILED,
    due_at=None,
    failures=work.c.failures + sa.bindparam("reported", type_=sa.Integer()),
    error=ERROR,
    rejected=sa.bindparam("for_good"),
)

BEGIN = sa.update(revision).where(_revision, revision.c.status == Status.QUEUED).values(status=Status.PROCESSING, updated_at=now)
RUNNING = sa.select(revision.c.id).where(_revision, revision.c.status == Status.PROCESSING)
DUE = sa.select(sa.func.count()).select_from(sa.select(sa.literal(1)).where(work.c.due_at <= now).limit(ledger.DUE_COUNTED).subquery())

SPLIT_INTO = (
    sa.update(revision)
    .where(_revision)
    .values(pages_total=sa.bindparam("pages"), engine=sa.bindparam("read_by"), status=Status.PROCESSING, updated_at=now)
)


def _pages() -> sa.Insert:
    number = sa.func.generate_series(1, sa.bindparam("pages", type_=sa.Integer())).column_valued("number")
    of_revision, tenant = sa.bindparam("of_revision", type_=sa.BigInteger()), sa.bindparam("tenant", type_=sa.String())
    row = sa.select(of_revision, number, tenant, sa.literal(WorkState.QUEUED.value), now)
    return sa.insert(work).from_select(["revision_id", "page", "tenant_id", "state", "due_at"], row)


PAGES = _pages()
CONTENT = sa.insert(page_content)


def _count(**more: object) -> sa.UpdateBase:
    counting = sa.update(revision).where(_revision).values(more | {"updated_at": now})
    return counting.returning(revision.c.pages_total, revision.c.pages_done, revision.c.pages_failed)


ONE_DONE = _count(pages_done=revision.c.pages_done + 1)
ONE_FAILED = _count(pages_failed=revision.c.pages_failed + 1)
FAILURES = (
    sa.select(work.c.error, work.c.rejected)
    .where(work.c.revision_id == sa.bindparam("of_revision"), work.c.state == WorkState.FAILED, work.c.page > 0)
    .order_by(work.c.page)
)


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
        mine = {"of_revision": found.revision_id}
        if connection.execute(BEGIN, mine).rowcount:
            return True
        return connection.execute(RUNNING, mine).one_or_none() is not None

    @reading
    def due(self, connection: sa.Connection) -> int:
        """How many units of work are due now, counted up to 100."""
        return connection.execute(DUE).scalar_one()

    @writing
    def split(self, connection: sa.Connection, work: Work, pages: int, engine: EngineInfo) -> bool:
        """Finish a split: insert the page rows, `pages` of them, one or more."""
        if pages < 1:
            raise ValueError("a file without pages is rejected, not split")
        if transitions.lock(connection, work.document_id) is None or not _changed(connection, SPLIT, work):
            return False
        into = {"of_revision": work.revision_id, "pages": pages}
        connection.execute(SPLIT_INTO, into | {"read_by": engine_to_json(engine)})
        connection.execute(PAGES, into | {"tenant": work.tenant})
        return True

    @writing
    def finish(self, connection: sa.Connection, work: Work, page: RecognisedPage) -> bool:
        """Commit a page with its search terms and the document's progress; the last one decides the final status."""
        owner = transitions.lock(connection, work.document_id)
        if owner is None or not _changed(connection, FINISH, work):
            return False
        connection.execute(CONTENT, _content(owner, work, page))
        _progress(connection, ONE_DONE, work)
        return True

    def fail(self, work: Work, problem: Problem, *, retry_in: timedelta | None, rejected: bool) -> bool:
        """Report a failure: again after `retry_in`, or, with None, for good."""
        if retry_in is not None:
            return self._retry(work, problem, retry_in)
        return self._fail(work, problem, rejected=rejected, reported=1)

    @writing
    def hand_over(self, connection: sa.Connection, work: Work, *, again_in: timedelta) -> bool:
        """Give the lease back; counts in neither `failures` nor `lost`."""
        return _changed(connection, HAND_OVER, work, again_in=again_in)

    @writing
    def release_leases(self, connection: sa.Connection) -> int:
        """Make every lease due now, for who knows that no worker lives; says how many there were."""
        return connection.execute(sa.update(work).where(work.c.state == WorkState.PROCESSING).values(due_at=now)).rowcount

    @writing
    def _retry(self, connection: sa.Connection, claimed: Work, problem: Problem, retry_in: timedelta) -> bool:
        return _changed(connection, RETRY, claimed, again_in=retry_in, problem=problem_to_json(problem))

    @writing
    def _fail(self, connection: sa.Connection, claimed: Work, problem: Problem, *, rejected: bool, reported: int) -> bool:
        problem = replace(problem, page=claimed.page or None)
        how = {"reported": reported, "problem": problem_to_json(problem), "for_good": rejected}
        if transitions.lock(connection, claimed.document_id) is None or not _changed(connection, FAIL, claimed, **how):
            return False
        if claimed.is_split:
            status, exhausted = (Status.REJECTED, None) if rejected else (Status.FAILED, problem)
            transitions.conclude(connection, claimed.document_id, claimed.revision_id, status, problem, exhausted=exhausted)
        else:
            _progress(connection, ONE_FAILED, claimed)
        return True


def _changed(connection: sa.Connection, change: sa.Update, claimed: Work, **values: object) -> bool:
    held = {"of_revision": claimed.revision_id, "of_page": claimed.page, "of_attempt": claimed.attempt}
    return connection.execute(change, held | values).rowcount == 1


def _content(owner: Row, claimed: Work, page: RecognisedPage) -> dict[str, Any]:
    body = page_to_json(page)
    lines: Sequence[str] = [line["text"] for line in body["lines"]]
    return {
        "revision_id": claimed.revision_id,
        "page": claimed.page,
        "tenant_id": owner.tenant_id,
        "document_id": owner.id,
        "created_at": owner.created_at,
        "body": body,
        "text": "\n".join(lines),
        "terms": search.tsvector(lines),
    }


def _progress(connection: sa.Connection, counting: sa.UpdateBase, claimed: Work) -> None:
    row = connection.execute(counting, {"of_revision": claimed.revision_id}).one()
    if row.pages_done + row.pages_failed == row.pages_total:
        _conclude(connection, claimed, row.pages_done, row.pages_failed)


def _conclude(connection: sa.Connection, claimed: Work, done: int, failed: int) -> None:
    rows = connection.execute(FAILURES, {"of_revision": claimed.revision_id}).all() if failed else []
    status = ledger.final_status(ledger.Pages(done, failed, sum(row.rejected for row in rows)))
    problem = problem_from_json(rows[0].error) if rows else None
    exhausted = next((problem_from_json(row.error) for row in rows if not row.rejected), None)
    # A worker may notice an overwrite before its event comes.
    superseded = any(row.error["code"] == ledger.OVERWRITTEN.code for row in rows)
    transitions.conclude(connection, claimed.document_id, claimed.revision_id, status, problem, exhausted=exhausted, superseded=superseded)
