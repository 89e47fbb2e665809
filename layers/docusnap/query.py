"""The rules of reading: what may be read when, and how long a reader may wait for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from docusnap import errors
from docusnap.model import ContentView, DeadFilter, DeadLetter, DocumentView, Listing, SearchHit, Status, WorkState
from docusnap.ports import Clock, DeadLedger, ObjectStore, QueryLedger
from docusnap.settings import Settings

FIRST_LOOK, LONGEST_LOOK, GROWTH = 0.05, 0.5, 1.5  # seconds between looks while waiting
FINISHED = frozenset({WorkState.SUCCEEDED, WorkState.FAILED, WorkState.CANCELLED})
LARGEST_PAGE = 2**31 - 1  # what a database's integer holds


class Ledger(QueryLedger, DeadLedger, Protocol):
    """What `query` reads, and how it learns whether the database is fit."""

    def ready(self) -> None:
        """Raises: DatabaseUnavailable, SchemaOutdated."""


class Queries:
    """What the `query` function does. Safe under threads."""

    def __init__(self, *, ledger: Ledger, store: Callable[[], ObjectStore], settings: Settings, waits: int) -> None:
        """`waits` is how many readers of this process may be held at once. The store is not built before a call needs it."""
        self._ledger, self._store, self._settings = ledger, store, settings
        self._waits = threading.BoundedSemaphore(waits)

    def settled(self, document: DocumentView, seconds: float, clock: Clock) -> DocumentView:
        """The document once nothing of it is running, or as it is after `seconds`; at once where too many wait already.

        Raises: DocumentNotFound where it is deleted meanwhile.
        """
        if document.settled or seconds <= 0 or not self._waits.acquire(blocking=False):
            return document
        try:
            return self._look_until_settled(document, seconds, clock)
        finally:
            self._waits.release()

    def _look_until_settled(self, document: DocumentView, seconds: float, clock: Clock) -> DocumentView:
        ends, pause = time.monotonic() + seconds, FIRST_LOOK
        while not document.settled and (left := min(ends - time.monotonic(), clock.remaining())) > 0:
            time.sleep(min(pause, left))
            pause = min(pause * GROWTH, LONGEST_LOOK)
            document = self._ledger.document(document.tenant, document.id)
        return document

    def documents(self, tenant: str, status: Status | None, limit: int, cursor: str | None) -> Listing[DocumentView]:
        """Raises: InvalidCursor."""
        return self._ledger.documents(tenant, status, limit, cursor)

    def content(self, tenant: str, document_id: str, page: int | None) -> ContentView:
        """The pages there are, or the one asked for.

        Raises: DocumentNotFound, PageNotFound, NotReady, NoContent.
        """
        _may_read(self._ledger.document(tenant, document_id), page)
        document, content = self._ledger.content(tenant, document_id, page)
        _may_read(document, page)
        if not document.served.status.final and any(p.status not in FINISHED for p in content.pages):
            raise errors.NotReady
        return content

    def original(self, tenant: str, document_id: str) -> str:
        """A presigned address of the object.

        Raises: DocumentNotFound, NotUploaded.
        """
        document = self._ledger.document(tenant, document_id)
        if not document.uploaded:
            raise errors.NotUploaded
        return self._store().presign_get(document.key, document.filename, timedelta(seconds=self._settings.upload_url_seconds))

    def search(self, tenant: str, query: str, limit: int, cursor: str | None) -> Listing[SearchHit]:
        """Raises: EmptyQuery, InvalidCursor."""
        return self._ledger.search(tenant, query, limit, cursor)

    def dead(self, which: DeadFilter, limit: int, cursor: str | None) -> Listing[DeadLetter]:
        """Of all tenants: for operators. Raises: InvalidCursor."""
        return self._ledger.dead(which, limit, cursor)

    def dead_letter(self, document_id: str) -> DeadLetter:
        """Of any tenant: for operators. Raises: DeadLetterNotFound."""
        return self._ledger.dead_letter(document_id)

    def missing(self) -> tuple[str, ...]:
        """What this system lacks just now: `database`, `schema_outdated`, `store`."""
        database: tuple[str, ...] = ()
        try:
            self._ledger.ready()
        except errors.SchemaOutdated:
            database = ("schema_outdated",)
        except errors.DatabaseUnavailable:
            database = ("database",)
        return database if self._store().ready() else (*database, "store")


def _may_read(document: DocumentView, page: int | None) -> None:
    served = document.served
    if served.status.final and not served.status.has_content:
        raise errors.NoContent
    if not served.status.final and page is None:
        raise errors.NotReady
    if page is None:
        return
    if not 1 <= page <= (LARGEST_PAGE if served.pages.total is None else served.pages.total):
        raise errors.PageNotFound
    if not served.status.final and served.pages.total is None:
        raise errors.NotReady
