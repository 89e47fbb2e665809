"""What `sweep` finds and mends. Two sweeps at once share the rows: each skips what the other holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

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


class Sweeps(Part):
    """ports.SweepLedger, without `due`."""

    @writing
    def uploads_due(self, connection: sa.Connection, limit: int) -> Sequence[DocumentView]:
        """Documents that await an upload, or expired of late, looked at longest ago first; marks them looked at."""
        due = sa.select(document.c.id).where(_due, ~_dead).order_by(document.c.look_at).limit(limit)
        ids = connection.execute(due.with_for_update(skip_locked=True, key_share=True)).scalars().all()
        if not ids:
            return []
        marked = sa.update(document).where(document.c.id.in_(ids)).values(look_at=_next_look())
        connection.execute(marked)
        return views.views(connection.execute(views.VIEW.where(document.c.id.in_(ids))))

    @writing
    def expire_uploads(self, connection: sa.Connection, limit: int) -> int:
        """End what was not uploaded in time, and was looked for once more after that."""
        looked_since = document.c.look_at >= document.c.upload_expires_at + ledger.LOOK_AGAIN
        overdue = (
            sa.select(document.c.id)
            .join(revision, revision.c.document_id == document.c.id)
            .where(document.c.look_at.is_not(None), ~_dead, _gone_at <= now, looked_since)
            .where(revision.c.status == Status.AWAITING_UPLOAD, revision.c.finished_at.is_(None))
            .limit(limit)
        )
        ids = connection.execute(overdue.with_for_update(skip_locked=True, key_share=True, of=document)).scalars().all()
        if ids:
            _expire(connection, ids)
        return len(ids)

    @reading
    def unknown(self, connection: sa.Connection, objects: Sequence[ObjectVersion]) -> Sequence[ObjectVersion]:
        """Those of a listing that no document knows with this etag; a tombstone's object is known."""
        if not objects:
            return []
        keys = [seen.key for seen in objects]
        query = (
            sa.select(document.c.bucket, document.c.key, revision.c.etag, _dead.label("dead"))
            .outerjoin_from(document, revision, (revision.c.document_id == document.c.id) & revision.c.newest)
            .where(document.c.bucket == objects[0].bucket, document.c.key.in_(keys), document.c.purged_at.is_(None))
        )
        known = {row.key: None if row.dead else row.etag for row in connection.execute(query)}
        return [seen for seen in objects if not ledger.folder_marker(seen.key) and not _knows(known, seen)]

    @writing
    def removals_due(self, connection: sa.Connection, limit: int) -> Sequence[Removal]:
        """Tombstones whose objects are to be removed now; each comes again until `removed` tells that its object is gone."""
        due = sa.select(document).where(_due, _dead).order_by(document.c.look_at).limit(limit)
        rows = connection.execute(due.with_for_update(skip_locked=True, key_share=True)).all()
        again = sa.update(document).where(document.c.id.in_([row.id for row in rows]))
        connection.execute(again.values(look_at=now + ledger.LOOK_AGAIN))
        return [Removal(row.id, row.key) for row in rows]

    @writing
    def removed(self, connection: sa.Connection, document_id: str) -> None:
        """The object is gone. The tombstone has done its work once no upload can bring another: a slow one may end after its URL."""
        over = sa.or_(_gone_at.is_(None), _gone_at + ledger.LATE <= now)
        again = now + ledger.LOOK_LATE
        purged = {"purged_at": sa.case((over, now), else_=sa.null()), "look_at": sa.case((over, sa.null()), else_=again)}
        mine = (document.c.id == document_id) & _dead & document.c.purged_at.is_(None)
        connection.execute(sa.update(document).where(mine).values(purged))

    @writing
    def retire(self, connection: sa.Connection, retention: timedelta, limit: int) -> int:
        """Delete documents whose newest final status is older than `retention`; one that is running is not touched."""
        later = revision.alias("later")
        recent = sa.or_(later.c.finished_at.is_(None), later.c.finished_at > now - retention)
        kept = sa.exists().where(later.c.document_id == document.c.id, recent)
        old = (
            sa.select(document.c.id)
            .join(revision, revision.c.document_id == document.c.id)
            .where(revision.c.served, revision.c.finished_at <= now - retention, ~kept)
            .order_by(revision.c.finished_at)
            .limit(limit)
        )
        locked = connection.execute(old.with_for_update(skip_locked=True, key_share=True, of=document)).scalars().all()
        # Asked again under the lock: a reprocess may have been accepted between the look and the lock.
        ids = connection.execute(sa.select(document.c.id).where(document.c.id.in_(locked), ~kept)).scalars().all()
        if ids:
            transitions.bury(connection, ids)
        return len(ids)

    @writing
    def pull_back(self, connection: sa.Connection, limit: int) -> int:
        """Mend what a clock that jumped back has put off; says how much work.

        What is leased gets a lease of now on: who holds it may still live, and goes by a clock of its own.
        """
        soon = sa.case((work.c.state == WorkState.PROCESSING, now + ledger.LEASE), else_=now)
        pulled = _pull(connection, work, "due_at", soon, limit)
        _pull(connection, document, "look_at", now, limit)
        _pull(connection, tenant, "served_at", now, limit)
        return pulled

    @reading
    def cursor(self, connection: sa.Connection, name: str) -> str | None:
        """Where a walk goes on, None at its begin."""
        return connection.execute(sa.select(sweep_cursor.c.value).where(sweep_cursor.c.name == name)).scalar_one_or_none()

    @writing
    def set_cursor(self, connection: sa.Connection, name: str, value: str | None) -> None:
        kept = {"value": value, "updated_at": now}
        setting = insert(sweep_cursor).values(kept | {"name": name})
        connection.execute(setting.on_conflict_do_update(index_elements=["name"], set_=kept))

    @writing
    def forget(self, connection: sa.Connection, limit: int) -> int:
        """Drop idempotency keys after 24 h, parked events and purged tombstones after 30 days; says how many rows."""
        used = sa.exists().where(idempotency.c.document_id == document.c.id)
        doomed = [
            (idempotency, idempotency.c.created_at < now - ledger.IDEMPOTENCY),
            (parked_event, parked_event.c.created_at < now - ledger.PARKED),
            (document, (document.c.purged_at < now - ledger.TOMBSTONES) & ~used),
        ]
        return sum(_drop(connection, table, condition, limit) for table, condition in doomed)


def _next_look() -> sa.Case[object]:
    """Soon while the upload may come; rarely while a slow one may end; then never: only an event brings it."""
    awaited = sa.exists().where(revision.c.document_id == document.c.id, revision.c.finished_at.is_(None))
    return sa.case((awaited, now + ledger.LOOK_AGAIN), (_gone_at + ledger.LATE <= now, sa.null()), else_=now + ledger.LOOK_LATE)


def _expire(connection: sa.Connection, ids: Sequence[str]) -> None:
    awaiting = revision.c.document_id.in_(ids) & (revision.c.status == Status.AWAITING_UPLOAD)
    ended = {"status": Status.EXPIRED, "finished_at": now, "updated_at": now}
    connection.execute(sa.update(revision).where(awaiting).values(ended))
    connection.execute(sa.update(document).where(document.c.id.in_(ids)).values(look_at=now + ledger.LOOK_LATE))


def _knows(known: Mapping[str, str | None], seen: ObjectVersion) -> bool:
    return seen.key in known and known[seen.key] in {None, seen.etag}


def _pull(connection: sa.Connection, table: sa.Table, column: str, to: sa.ColumnElement[datetime], limit: int) -> int:
    key = sa.tuple_(*table.primary_key)
    some = sa.select(*table.primary_key).where(table.c[column] > now + ledger.PUT_OFF).limit(limit).with_for_update(skip_locked=True)
    return connection.execute(sa.update(table).where(key.in_(some)).values({column: to})).rowcount


def _drop(connection: sa.Connection, table: sa.Table, condition: sa.ColumnElement[bool], limit: int) -> int:
    key = sa.tuple_(*table.primary_key)
    some = sa.select(*table.primary_key).where(condition).limit(limit).with_for_update(skip_locked=True)
    return connection.execute(sa.delete(table).where(key.in_(some))).rowcount
