"""What the `upload` function writes."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from docusnap import ledger
from docusnap.adapters.pages import clean
from docusnap.adapters.postgres import transitions, views
from docusnap.adapters.postgres.database import Part, Row, reading, writing
from docusnap.adapters.postgres.schema import document, idempotency, revision
from docusnap.adapters.postgres.transitions import now
from docusnap.errors import AlreadyFinal, DocumentDeleted, DocumentNotFound, IdempotencyConflict, NotUploaded
from docusnap.model import DocumentView, OcrMode, Status, UploadRequest
from docusnap.ports import Registration

# Statements are built once, at import, and bound at each run. These names may not be those of columns.
_document: sa.BindParameter[str] = sa.bindparam("of_document")
_expires_at = now + sa.bindparam("expires_in", type_=sa.Interval())
_tenant_key = idempotency.c.tenant_id == sa.bindparam("of_tenant"), idempotency.c.key == sa.bindparam("of_key")

LOCK = transitions.locking(document.c.id == _document, document.c.tenant_id == sa.bindparam("of_tenant"), document.c.deleted_at.is_(None))
CREATE = sa.insert(document).values(upload_expires_at=_expires_at, look_at=now + ledger.LOOK_AGAIN).returning(document)
AWAIT_AGAIN = (
    sa.update(revision)
    .where(revision.c.document_id == _document, revision.c.status.in_([Status.AWAITING_UPLOAD, Status.EXPIRED]))
    .values(status=Status.AWAITING_UPLOAD, finished_at=None, updated_at=now)
)
LOOK_AGAIN = sa.update(document).where(document.c.id == _document).values(upload_expires_at=_expires_at, look_at=now + ledger.LOOK_AGAIN)
KNOWN = sa.select(idempotency).where(*_tenant_key, idempotency.c.created_at > now - ledger.IDEMPOTENCY)
KNOWN_NOW = sa.select(idempotency).where(*_tenant_key)


def _taking() -> sa.Insert:
    taking = insert(idempotency).values(created_at=now)
    anew = {name: taking.excluded[name] for name in ("fingerprint", "document_id", "created_at")}
    stale = idempotency.c.created_at <= now - ledger.IDEMPOTENCY
    taking = taking.on_conflict_do_update(index_elements=["tenant_id", "key"], set_=anew, where=stale)
    return taking.returning(idempotency.c.key)


TAKE_KEY = _taking()


def _queued() -> sa.Select[int]:
    waiting = revision.c.status.in_([Status.QUEUED, Status.PROCESSING])
    some = sa.select(sa.literal(1)).where(revision.c.finished_at.is_(None), waiting).limit(sa.bindparam("at_most")).subquery()
    return sa.select(sa.func.count()).select_from(some)


QUEUED = _queued()


class Uploads(Part):
    """ports.UploadLedger."""

    @writing
    def register(  # noqa: PLR0917  the port names these
        self,
        connection: sa.Connection,
        tenant: str,
        bucket: str,
        request: UploadRequest,
        expires_in: timedelta,
        idempotency_key: str | None,
    ) -> Registration:
        """Create a document that awaits its upload, or find the one of this idempotency key.

        Raises: IdempotencyConflict, DocumentDeleted.
        """
        request = replace(request, filename=clean(request.filename), content_type=clean(request.content_type))
        if idempotency_key is None:
            return _created(connection, tenant, bucket, request, expires_in)
        if known := _known(connection, tenant, idempotency_key):
            return _repeated(connection, known, request, expires_in)
        with connection.begin_nested() as attempt:
            created = _created(connection, tenant, bucket, request, expires_in)
            if _take_key(connection, tenant, idempotency_key, request, created.document.id):
                return created
            attempt.rollback()
        return _repeated(connection, _known_now(connection, tenant, idempotency_key), request, expires_in)

    @reading
    def queued(self, connection: sa.Connection, at_most: int) -> int:
        """How many documents are queued or processing, counted up to `at_most`."""
        return connection.execute(QUEUED, {"at_most": at_most}).scalar_one()

    @writing
    def reprocess(self, connection: sa.Connection, tenant: str, document_id: str, ocr: OcrMode) -> DocumentView:
        """Queue a new revision of the same object; a running one is returned as it is.

        Raises: DocumentNotFound, NotUploaded.
        """
        owner = _lock(connection, tenant, document_id)
        newest = transitions.newest_revision(connection, document_id)
        if newest.etag is None:
            raise NotUploaded
        if newest.finished_at is not None:
            version = {name: getattr(newest, name) for name in transitions.VERSION}
            transitions.queue(connection, owner, newest.number + 1, ocr, version)
        return views.find(connection, tenant, document_id)

    @writing
    def cancel(self, connection: sa.Connection, tenant: str, document_id: str) -> DocumentView:
        """End the running revision at once; its finished pages stay.

        Raises: DocumentNotFound, AlreadyFinal.
        """
        _lock(connection, tenant, document_id)
        newest = transitions.newest_revision(connection, document_id)
        if newest.finished_at is not None:
            raise AlreadyFinal
        transitions.await_no_longer(connection, document_id)
        transitions.conclude(connection, document_id, newest.id, Status.CANCELLED, None)
        transitions.cancel_work(connection, newest.id)
        return views.find(connection, tenant, document_id)

    @writing
    def delete(self, connection: sa.Connection, tenant: str, document_id: str) -> None:
        """Leave a tombstone in the document's place.

        Raises: DocumentNotFound.
        """
        _lock(connection, tenant, document_id)
        transitions.bury(connection, [document_id])


def _lock(connection: sa.Connection, tenant: str, document_id: str) -> Row:
    views.check_id(document_id)
    owner = connection.execute(LOCK, {"of_document": document_id, "of_tenant": tenant}).one_or_none()
    if owner is None:
        raise DocumentNotFound
    return owner


def _created(connection: sa.Connection, tenant: str, bucket: str, request: UploadRequest, expires_in: timedelta) -> Registration:
    document_id = uuid.uuid4().hex
    values = {
        "id": document_id,
        "tenant_id": tenant,
        "filename": request.filename,
        "content_type": request.content_type,
        "bucket": bucket,
        "key": ledger.key_of(tenant, document_id),
        "origin": "upload",
        "request": dict(request.fingerprint()),
        "expires_in": expires_in,
    }
    owner = connection.execute(CREATE, values).one()
    connection.execute(transitions.NEW_REVISION, transitions.new_revision(owner, 1, Status.AWAITING_UPLOAD, request.ocr))
    return Registration(views.find(connection, tenant, document_id), request, created=True)


def _take_key(connection: sa.Connection, tenant: str, key: str, request: UploadRequest, document_id: str) -> bool:
    """Whether the key is ours: it was free, or stood for a request of more than 24 h ago. Waits for another who is taking it."""
    values = {"tenant_id": tenant, "key": key, "fingerprint": ledger.fingerprint(request), "document_id": document_id}
    return connection.execute(TAKE_KEY, values).one_or_none() is not None


def _known(connection: sa.Connection, tenant: str, key: str) -> Row | None:
    return connection.execute(KNOWN, {"of_tenant": tenant, "of_key": key}).one_or_none()


def _known_now(connection: sa.Connection, tenant: str, key: str) -> Row:
    """The row that kept us from taking the key."""
    return connection.execute(KNOWN_NOW, {"of_tenant": tenant, "of_key": key}).one()


def _repeated(connection: sa.Connection, known: Row, request: UploadRequest, expires_in: timedelta) -> Registration:
    if known.fingerprint != ledger.fingerprint(request):
        raise IdempotencyConflict
    owner = transitions.lock(connection, known.document_id)
    if owner is None or owner.deleted_at is not None:
        raise DocumentDeleted
    _await_again(connection, owner.id, expires_in)
    return Registration(views.find(connection, owner.tenant_id, owner.id), request, created=False)


def _await_again(connection: sa.Connection, document_id: str, expires_in: timedelta) -> None:
    """A client that repeats its request gets a fresh URL, so the document waits as long as that lasts."""
    mine = {"of_document": document_id}
    if connection.execute(AWAIT_AGAIN, mine).rowcount:
        connection.execute(LOOK_AGAIN, mine | {"expires_in": expires_in})
