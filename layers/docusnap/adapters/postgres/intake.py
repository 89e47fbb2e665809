"""What turns an object that was seen into work."""

from __future__ import annotations

import logging
import uuid
from typing import Any

import psycopg2
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from docusnap import ledger
from docusnap.adapters.pages import clean
from docusnap.adapters.postgres import transitions, views
from docusnap.adapters.postgres.database import Part, Row, reading, writing
from docusnap.adapters.postgres.keys import create_tenant
from docusnap.adapters.postgres.question import Message, cursor_of
from docusnap.adapters.postgres.schema import document, parked_event, revision
from docusnap.adapters.postgres.transitions import now
from docusnap.errors import DatabaseUnavailable
from docusnap.ledger import Step
from docusnap.model import Arrival, DocumentView, ObjectCreated, ObjectVersion, OcrMode, Status

log = logging.getLogger(__name__)

# Statements are built once, at import, and bound at each run. These names may not be those of columns.
_at = document.c.bucket == sa.bindparam("in_bucket"), document.c.key == sa.bindparam("of_key")
_not_purged = document.c.purged_at.is_(None)
_revision = revision.c.id == sa.bindparam("of_revision")

LOCK_AT = transitions.locking(*_at, _not_purged)
VIEW_AT = views.VIEW.where(*_at, _not_purged)
ADOPT = insert(document).on_conflict_do_nothing().returning(document)
REMOVED_JUST_NOW = sa.select(document.c.id).where(*_at, document.c.purged_at > now - ledger.REAPPEARS).limit(1)
REMOVE_NOW = sa.update(document).where(document.c.id == sa.bindparam("of_document")).values(look_at=now)
NOTE = sa.update(revision).where(_revision)  # the version, which is given at each run, by the names of its columns


def _queued() -> sa.Insert:
    """The upload that was awaited is there, in one statement: who waits for it waits for every way to the database."""
    version = {name: sa.bindparam(f"seen_{name}", type_=revision.c[name].type) for name in transitions.VERSION}
    queued = sa.update(revision).where(_revision).values(status=Status.QUEUED, finished_at=None, updated_at=now, **version)
    return transitions.NEW_SPLIT.add_cte(transitions.NO_LONGER_AWAITED.cte("awaited"), queued.cte("queued"))


QUEUE = _queued()


def _known_at() -> sa.Select[Any]:
    """The document and its newest revision, read after the lock was had."""
    of_document = (document.c.id, document.c.tenant_id, document.c.origin, document.c.deleted_at)
    of_revision = (revision.c.id.label("revision_id"), revision.c.status, revision.c.etag, revision.c.sequencer)
    newest = (revision.c.document_id == document.c.id) & revision.c.newest
    return sa.select(*of_document, *of_revision).join_from(document, revision, newest, isouter=True).where(*_at, _not_purged)


# What nearly all events are about takes two ways to the database: under load, each waits its turn on a busy core.
LOOK = Message("BEGIN", LOCK_AT, _known_at())
KEEP = Message(QUEUE, "COMMIT")


class Intake(Part):
    """ports.IntakeLedger."""

    @reading
    def document_of(self, connection: sa.Connection, bucket: str, key: str) -> DocumentView | None:
        """The living document of this key."""
        found = views.views(connection.execute(VIEW_AT, _place(bucket, key)))
        return found[0] if found else None

    def arrive(self, seen: ObjectVersion) -> Arrival:
        """Record a version of an object, as HEAD tells it."""
        return self._awaited(seen) or self._arrive(seen)

    def _awaited(self, seen: ObjectVersion) -> Arrival | None:
        """An upload that was awaited; None, and nothing done, where it is anything else, or the database has a trouble that may pass."""
        keeping = False
        try:
            with cursor_of(self.database) as cursor:
                known = next(iter(LOOK.ask(cursor, _place(seen.bucket, seen.key))), None)
                if known is None or known.deleted_at is not None or ledger.on_arrival(seen, _known(known, known)) is not Step.QUEUE:
                    cursor.execute("ROLLBACK")
                    return None
                keeping = True
                KEEP.tell(cursor, _queue_values(known, known.revision_id, seen))
                return Arrival("queued", known.id)
        except psycopg2.Error as exc:
            if keeping and exc.pgcode is None:  # nobody knows whether it was kept
                raise DatabaseUnavailable from exc
            return None

    @writing
    def _arrive(self, connection: sa.Connection, seen: ObjectVersion) -> Arrival:
        return _arrive(connection, seen)

    @writing
    def park(self, connection: sa.Connection, code: str, event: ObjectCreated) -> None:
        """Keep a notification that names what nobody knows."""
        values = {"code": code, "bucket": clean(event.bucket), "key": clean(event.key), "etag": event.etag and clean(event.etag)}
        connection.execute(sa.insert(parked_event).values(values))


def _place(bucket: str, key: str) -> dict[str, str]:
    return {"in_bucket": clean(bucket), "of_key": clean(key)}


def _arrive(connection: sa.Connection, seen: ObjectVersion) -> Arrival:
    owner = connection.execute(LOCK_AT, _place(seen.bucket, seen.key)).one_or_none()
    newest = None if owner is None or owner.deleted_at is not None else transitions.newest_revision(connection, owner.id)
    step = ledger.on_arrival(seen, _known(owner, newest))
    if step is Step.ADOPT:
        return _adopt(connection, seen)
    if owner is None:
        return Arrival("unknown" if step is Step.UNKNOWN else "ignored")
    if newest is None:
        return _remove(connection, owner)
    return _record(connection, step, owner, newest, seen)


def _known(owner: Row | None, newest: Row | None) -> ledger.Known | None:
    if owner is None:
        return None
    foreign = owner.origin == "foreign"
    if newest is None:
        return ledger.Known(foreign, True, Status.CANCELLED, None, None)
    return ledger.Known(foreign, False, Status(newest.status), newest.etag, newest.sequencer)


def _adopt(connection: sa.Connection, seen: ObjectVersion) -> Arrival:
    if _removed_just_now(connection, seen):
        return Arrival("ignored")
    create_tenant(connection, ledger.FOREIGN_TENANT)
    values = {
        "id": uuid.uuid4().hex,
        "tenant_id": ledger.FOREIGN_TENANT,
        "filename": ledger.filename_of(seen.key),
        "content_type": seen.content_type or "application/octet-stream",
        "bucket": seen.bucket,
        "key": seen.key,
        "origin": "foreign",
    }
    adopted = connection.execute(ADOPT, values).one_or_none()
    if adopted is None:
        return _arrive(connection, seen)  # another has just adopted the key, with this version or an older one
    transitions.queue(connection, adopted, 1, OcrMode.AUTO, transitions.version_values(seen))
    return Arrival("queued", adopted.id)


def _removed_just_now(connection: sa.Connection, seen: ObjectVersion) -> bool:
    return connection.execute(REMOVED_JUST_NOW, _place(seen.bucket, seen.key)).one_or_none() is not None


def _remove(connection: sa.Connection, tombstone: Row) -> Arrival:
    connection.execute(REMOVE_NOW, {"of_document": tombstone.id})
    return Arrival("deleted", tombstone.id)


def _record(connection: sa.Connection, step: Step, owner: Row, newest: Row, seen: ObjectVersion) -> Arrival:
    if step is Step.DUPLICATE:
        return Arrival("duplicate", owner.id)
    if step is Step.QUEUE:
        _queue(connection, owner, newest, seen)
        return Arrival("queued", owner.id)
    if step is Step.RENEW:
        _renew(connection, owner, newest, seen)
        return Arrival("queued", owner.id)
    if step is Step.NOTE:
        connection.execute(NOTE, {"of_revision": newest.id} | transitions.version_values(seen))
    log.warning("an object was put that is not looked at", extra={"document": owner.id, "status": newest.status})
    return Arrival("ignored", owner.id)


def _queue(connection: sa.Connection, owner: Row, newest: Row, seen: ObjectVersion) -> None:
    """The upload that was awaited, in time or late."""
    connection.execute(QUEUE, _queue_values(owner, newest.id, seen))


def _queue_values(owner: Row, revision_id: int, seen: ObjectVersion) -> dict[str, object]:
    version = {f"seen_{name}": value for name, value in transitions.version_values(seen).items()}
    return {"of_document": owner.id, "of_revision": revision_id, "of_tenant": owner.tenant_id} | version


def _renew(connection: sa.Connection, owner: Row, newest: Row, seen: ObjectVersion) -> None:
    """A foreign object was overwritten: what is running can no longer be read to its end."""
    if newest.finished_at is None:
        status = ledger.overwritten_status(newest.pages_done)
        transitions.conclude(connection, owner.id, newest.id, status, ledger.OVERWRITTEN, superseded=True)
        transitions.cancel_work(connection, newest.id)
    transitions.queue(connection, owner, newest.number + 1, OcrMode(newest.ocr), transitions.version_values(seen))
