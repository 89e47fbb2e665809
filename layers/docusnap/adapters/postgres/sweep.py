"""What `sweep` finds and mends. Two sweeps at once share the rows: each skips what the other holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import Insert, insert

from docusnap import ledger
from docusnap.adapters.postgres import transitions, views
from docusnap.adapters.postgres.database import Part, reading, writing
from docusnap.adapters.postgres.schema import document, idempotency, parked_event, revision, sweep_cursor, tenant, work
from docusnap.adapters.postgres.transitions import now
from docusnap.model import DocumentView, ObjectVersion, Status, WorkState
from docusnap.ports import Removal

_due = document.c.look_at <= now
_dead = document.c.deleted_at.is_not(None)
_gone_at = document.c.upload_expires_at + ledger.GRACE  # when no URL can bring an object any more; null for foreign ones

# Bound at each run. Statements are built once, at import: building them anew cost more than the database does on most of them.
_limit: sa.BindParameter[int] = sa.bindparam("limit")
_ids: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
_retention = sa.bindparam("retention", type_=sa.Interval())


def _some(documents: sa.Select[Any]) -> sa.Select[Any]:
    return documents.limit(_limit).with_for_update(skip_locked=True, key_share=True, of=document)


def _next_look() -> sa.Case[object]:
    """Soon while the upload may come; rarely while a slow one may end; then never: only an event brings it."""
    awaited = sa.exists().where(revision.c.document_id == document.c.id, revision.c.finished_at.is_(None))
    return sa.case((awaited, now + ledger.LOOK_AGAIN), (_gone_at + ledger.LATE <= now, sa.null()), else_=now + ledger.LOOK_LATE)


_of_ids = document.c.id.in_(_ids)
UPLOADS_DUE = _some(sa.select(document.c.id).where(_due, ~_dead).order_by(document.c.look_at))
LOOKED_AT = sa.update(document).where(_of_ids).values(look_at=_next_look())
VIEWS = views.VIEW.where(_of_ids)


def _overdue() -> sa.Select[Any]:
    """What was looked for once more after its time."""
    looked_since = document.c.look_at >= document.c.upload_expires_at + ledger.LOOK_AGAIN
    return _some(
        sa.select(document.c.id)
        .join(revision, revision.c.document_id == document.c.id)
        .where(document.c.look_at.is_not(None), ~_dead, _gone_at <= now, looked_since)
        .where(revision.c.status == Status.AWAITING_UPLOAD, revision.c.finished_at.is_(None))
    )


OVERDUE = _overdue()
EXPIRED = (
    sa.update(revision)
    .where(revision.c.document_id.in_(_ids), revision.c.status == Status.AWAITING_UPLOAD)
    .values(status=Status.EXPIRED, finished_at=now, updated_at=now)
)
LOOK_LATE = sa.update(document).where(_of_ids).values(look_at=now + ledger.LOOK_LATE)

KNOWN = (
    sa.select(document.c.bucket, document.c.key, revision.c.etag, _dead.label("dead"))
    .outerjoin_from(document, revision, (revision.c.document_id == document.c.id) & revision.c.newest)
    .where(document.c.bucket == sa.bindparam("bucket"), document.c.key.in_(sa.bindparam("keys", expanding=True)))
    .where(document.c.purged_at.is_(None))
)

REMOVALS_DUE = _some(sa.select(document).where(_due, _dead).order_by(document.c.look_at))
REMOVE_AGAIN = sa.update(document).where(_of_ids).values(look_at=now + ledger.LOOK_AGAIN)


def _removed() -> sa.Update:
    """A tombstone has done its work once no upload can bring another object: a slow one may end after its URL."""
    over = sa.or_(_gone_at.is_(None), _gone_at + ledger.LATE <= now)
    again = now + ledger.LOOK_LATE
    purged = {"purged_at": sa.case((over, now), else_=sa.null()), "look_at": sa.case((over, sa.null()), else_=again)}
    tombstone = (document.c.id == sa.bindparam("tombstone")) & _dead & document.c.purged_at.is_(None)
    return sa.update(document).where(tombstone).values(purged)


REMOVED = _removed()


def _kept() -> sa.Exists:
    """A revision of the document runs, or ended of late."""
    later = revision.alias("later")
    recent = sa.or_(later.c.finished_at.is_(None), later.c.finished_at > now - _retention)
    return sa.exists().where(later.c.document_id == document.c.id, recent)


OLD = _some(
    sa.select(document.c.id)
    .join(revision, revision.c.document_id == document.c.id)
    .where(revision.c.served, revision.c.finished_at <= now - _retention, ~_kept())
    .order_by(revision.c.finished_at)
)
STILL_OLD = sa.select(document.c.id).where(_of_ids, ~_kept())


def _at_most(table: sa.Table, *which: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Is one of the first `limit` rows that nobody else holds.

    As a CTE, which is asked once: PostgreSQL may ask a subquery anew for each row, and get the next ones every time.
    """
    some = sa.select(*table.primary_key).where(*which).limit(_limit).with_for_update(skip_locked=True).cte("some")
    return sa.tuple_(*table.primary_key).in_(sa.select(*some.c))


def _pull(table: sa.Table, column: str, to: sa.ColumnElement[datetime]) -> sa.Update:
    return sa.update(table).where(_at_most(table, table.c[column] > now + ledger.PUT_OFF)).values({column: to})


# What is leased gets a lease of now on: who holds it may still live, and goes by a clock of its own.
PULL_WORK = _pull(work, "due_at", sa.case((work.c.state == WorkState.PROCESSING, now + ledger.LEASE), else_=now))
PULL_OTHERS = (_pull(document, "look_at", now), _pull(tenant, "served_at", now))

CURSOR = sa.select(sweep_cursor.c.value).where(sweep_cursor.c.name == sa.bindparam("name"))


def _set_cursor() -> Insert:
    setting = insert(sweep_cursor).values(updated_at=now)
    return setting.on_conflict_do_update(index_elements=["name"], set_={"value": setting.excluded.value, "updated_at": now})


SET_CURSOR = _set_cursor()


def _forget(table: sa.Table, *doomed: sa.ColumnElement[bool]) -> sa.Delete:
    return sa.delete(table).where(_at_most(table, *doomed))


_used = sa.exists().where(idempotency.c.document_id == document.c.id)
FORGET = (
    _forget(idempotency, idempotency.c.created_at < now - ledger.IDEMPOTENCY),
    _forget(parked_event, parked_event.c.created_at < now - ledger.PARKED),
    _forget(document, document.c.purged_at < now - ledger.TOMBSTONES, ~_used),
)


class Sweeps(Part):
    """ports.SweepLedger, without `due`."""

    @writing
    def uploads_due(self, connection: sa.Connection, limit: int) -> Sequence[DocumentView]:
        """Documents that await an upload, or expired of late, looked at longest ago first; marks them looked at."""
        ids = connection.execute(UPLOADS_DUE, {"limit": limit}).scalars().all()
        if not ids:
            return []
        connection.execute(LOOKED_AT, {"ids": ids})
        return views.views(connection.execute(VIEWS, {"ids": ids}))

    @writing
    def expire_uploads(self, connection: sa.Connection, limit: int) -> int:
        """End what was not uploaded in time, and was looked for once more after that."""
        ids = connection.execute(OVERDUE, {"limit": limit}).scalars().all()
        if ids:
            connection.execute(EXPIRED, {"ids": ids})
            connection.execute(LOOK_LATE, {"ids": ids})
        return len(ids)

    @reading
    def unknown(self, connection: sa.Connection, objects: Sequence[ObjectVersion]) -> Sequence[ObjectVersion]:
        """Those of a listing that no document knows with this etag; a tombstone's object is known."""
        if not objects:
            return []
        rows = connection.execute(KNOWN, {"bucket": objects[0].bucket, "keys": [seen.key for seen in objects]})
        known = {row.key: None if row.dead else row.etag for row in rows}
        return [seen for seen in objects if not ledger.folder_marker(seen.key) and not _knows(known, seen)]

    @writing
    def removals_due(self, connection: sa.Connection, limit: int) -> Sequence[Removal]:
        """Tombstones whose objects are to be removed now; each comes again until `removed` tells that its object is gone."""
        rows = connection.execute(REMOVALS_DUE, {"limit": limit}).all()
        if rows:
            connection.execute(REMOVE_AGAIN, {"ids": [row.id for row in rows]})
        return [Removal(row.id, row.key) for row in rows]

    @writing
    def removed(self, connection: sa.Connection, document_id: str) -> None:
        """The object is gone; the tombstone stays for as long as an upload can bring another."""
        connection.execute(REMOVED, {"tombstone": document_id})

    @writing
    def retire(self, connection: sa.Connection, retention: timedelta, limit: int) -> int:
        """Delete documents whose newest final status is older than `retention`; one that is running is not touched."""
        locked = connection.execute(OLD, {"retention": retention, "limit": limit}).scalars().all()
        if not locked:
            return 0
        # Asked again under the lock: a reprocess may have been accepted between the look and the lock.
        ids = connection.execute(STILL_OLD, {"retention": retention, "ids": locked}).scalars().all()
        if ids:
            transitions.bury(connection, ids)
        return len(ids)

    @writing
    def pull_back(self, connection: sa.Connection, limit: int) -> int:
        """Mend what a clock that jumped back has put off; says how much work."""
        pulled = connection.execute(PULL_WORK, {"limit": limit}).rowcount
        for others in PULL_OTHERS:
            connection.execute(others, {"limit": limit})
        return pulled

    @reading
    def cursor(self, connection: sa.Connection, name: str) -> str | None:
        """Where a walk goes on, None at its begin."""
        return connection.execute(CURSOR, {"name": name}).scalar_one_or_none()

    @writing
    def set_cursor(self, connection: sa.Connection, name: str, value: str | None) -> None:
        connection.execute(SET_CURSOR, {"name": name, "value": value})

    @writing
    def forget(self, connection: sa.Connection, limit: int) -> int:
        """Drop idempotency keys after 24 h, parked events and purged tombstones after 30 days; says how many rows."""
        return sum(connection.execute(doomed, {"limit": limit}).rowcount for doomed in FORGET)


def _knows(known: Mapping[str, str | None], seen: ObjectVersion) -> bool:
    return seen.key in known and known[seen.key] in {None, seen.etag}
