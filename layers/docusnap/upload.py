"""Registers documents and signs their uploads; cancels, deletes and reprocesses them."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from docusnap import errors
from docusnap.model import DocumentView, OcrMode, Status, UploadRequest, UploadTicket
from docusnap.ports import ObjectStore, UploadLedger, Waker
from docusnap.settings import Settings

COUNT_SECONDS = 1.0  # how old the number of waiting documents may be


@dataclass(frozen=True, slots=True)
class Created:
    """A registered document; `ticket` is None once its object has arrived or it has ended otherwise."""

    document: DocumentView
    ticket: UploadTicket | None


class Uploads:
    """What the `upload` function does. Safe under threads."""

    def __init__(self, *, ledger: UploadLedger, store: ObjectStore, waker: Waker, settings: Settings) -> None:
        self._ledger, self._store, self._waker, self._settings = ledger, store, waker, settings
        self._backlog = _Backlog(ledger, settings.max_queued)

    def create(self, tenant: str, request: UploadRequest, idempotency_key: str | None) -> Created:
        """Register a document and sign its upload, or give back the one of this idempotency key.

        Raises: SizeRequired, EmptyObject, ObjectTooLarge, TooManyRequests, IdempotencyConflict, DocumentDeleted.
        """
        self._check(request)
        self._backlog.check()
        lifetime = self._settings.upload_url_lifetime
        known = self._ledger.register(tenant, self._store.bucket, request, lifetime, idempotency_key)
        if known.document.served.status is not Status.AWAITING_UPLOAD:
            return Created(known.document, None)
        return Created(known.document, self._sign(known.document, known.request))

    def reprocess(self, tenant: str, document_id: str, ocr: OcrMode) -> DocumentView:
        """Raises: DocumentNotFound, NotUploaded, TooManyRequests."""
        self._backlog.check()
        document = self._ledger.reprocess(tenant, document_id, ocr)
        self._waker.wake()
        return document

    def cancel(self, tenant: str, document_id: str) -> DocumentView:
        """Raises: DocumentNotFound, AlreadyFinal."""
        return self._ledger.cancel(tenant, document_id)

    def delete(self, tenant: str, document_id: str) -> None:
        """Raises: DocumentNotFound."""
        self._ledger.delete(tenant, document_id)

    def _check(self, request: UploadRequest) -> None:
        if request.size is None:
            if request.method == "PUT":
                raise errors.SizeRequired
            return
        if request.size == 0:
            raise errors.EmptyObject
        if request.size > self._settings.max_object_bytes:
            raise errors.ObjectTooLarge(f"The file is larger than MAX_OBJECT_BYTES, which is {self._settings.max_object_bytes} bytes.")

    def _sign(self, document: DocumentView, request: UploadRequest) -> UploadTicket:
        left = self._time_left(document)
        if request.method == "PUT":
            if request.size is None:
                raise errors.SizeRequired
            ticket = self._store.presign_put(document.key, request.content_type, request.size, left)
        else:
            smallest, largest = (request.size, request.size) if request.size else (1, self._settings.max_object_bytes)
            ticket = self._store.presign_post(document.key, request.content_type, (smallest, largest), left)
        return ticket

    def _time_left(self, document: DocumentView) -> timedelta:
        """No URL may outlive the document's own time: a tombstone keeps watch only until then."""
        lifetime = self._settings.upload_url_lifetime
        if document.upload_expires_at is None:
            return lifetime
        left = math.ceil((document.upload_expires_at - datetime.now(UTC)).total_seconds())
        return min(lifetime, timedelta(seconds=max(1, left)))


class _Backlog:
    """Refuses new work while too much waits; counts at most once a second, since the count is not free."""

    def __init__(self, ledger: UploadLedger, limit: int) -> None:
        self._ledger, self._limit = ledger, limit
        self._counting = threading.Lock()
        self._full, self._stale_at = False, 0.0

    def check(self) -> None:
        """Raises: TooManyRequests."""
        # One thread counts and the others go by the count before: were the database slow, all would queue up here.
        if time.monotonic() >= self._stale_at and self._counting.acquire(blocking=False):
            try:
                self._full = self._ledger.queued(self._limit) >= self._limit
                self._stale_at = time.monotonic() + COUNT_SECONDS
            finally:
                self._counting.release()
        if self._full:
            raise errors.TooManyRequests


def last_segment(filename: str) -> str:
    """The name without folders, of either kind of slash: browsers and scripts send paths at times."""
    return filename.replace("\\", "/").rstrip("/").rpartition("/")[2]


def with_default_method(request: UploadRequest, method: str | None) -> UploadRequest:
    """PUT where the size is known, else POST, unless the client chose."""
    return replace(request, method=method or ("POST" if request.size is None else "PUT"))
