"""The seams: what the stages need, and adapters give. Standard library only.

Every call may raise `errors.DatabaseUnavailable` (ledgers) or `errors.StoreUnavailable` (stores); adapters
translate their vendor's errors once, at the edge. No call keeps state in a database session: PgBouncer in
transaction mode must do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from docusnap.model import (
    ApiKey,
    Arrival,
    Caller,
    ContentView,
    DeadFilter,
    DeadLetter,
    DocumentView,
    EngineInfo,
    Listing,
    ObjectCreated,
    ObjectVersion,
    OcrMode,
    PageRaster,
    Problem,
    RecognisedPage,
    Scope,
    SearchHit,
    Status,
    UploadRequest,
    UploadTicket,
    Work,
)


class KeyLedger(Protocol):
    """Tenants and API keys. Secrets are stored hashed."""

    def create_key(self, tenant: str, scopes: Collection[Scope]) -> str:
        """Create the tenant if need be and return a new key's secret, which is shown this once."""

    def keys(self) -> Sequence[ApiKey]: ...

    def revoke_key(self, key_id: str) -> bool:
        """False where there is no such key, or it was revoked before."""

    def authenticate(self, secret: str) -> Caller | None:
        """None for an unknown or revoked key."""


@dataclass(frozen=True, slots=True)
class Registration:
    document: DocumentView
    request: UploadRequest
    created: bool  # False where the Idempotency-Key was known


class UploadLedger(Protocol):
    """What the `upload` function writes. All calls see the caller's tenant only."""

    def register(
        self, tenant: str, bucket: str, request: UploadRequest, expires_in: timedelta, idempotency_key: str | None
    ) -> Registration:
        """Create a document in `awaiting_upload` under the key `uploads/<tenant>-<id>`, with its first revision.

        The same idempotency key and request within 24 h give the same document; one that `expired` awaits its upload again.

        Raises: IdempotencyConflict, DocumentDeleted.
        """

    def queued(self, at_most: int) -> int:
        """How many documents are queued or processing, counted up to `at_most`."""

    def reprocess(self, tenant: str, document_id: str, ocr: OcrMode) -> DocumentView:
        """Queue a new revision of the same object; a running newer one is returned as it is.

        Raises: DocumentNotFound, NotUploaded.
        """

    def cancel(self, tenant: str, document_id: str) -> DocumentView:
        """End the running revision; finished pages stay.

        Raises: DocumentNotFound, AlreadyFinal.
        """

    def delete(self, tenant: str, document_id: str) -> None:
        """Make the document unreadable now, remove its pages and text, and leave a tombstone whose object is due for removal.

        Raises: DocumentNotFound.
        """


class IntakeLedger(Protocol):
    """What turns an object that was seen into work."""

    def document_of(self, bucket: str, key: str) -> DocumentView | None:
        """The newest document of this key that is not a tombstone."""

    def arrive(self, seen: ObjectVersion) -> Arrival:
        """Record a version of an object, as HEAD tells it; the same version twice is a `duplicate`.

        A registered key in `awaiting_upload` or `expired` is queued; a key under `incoming/` is adopted for tenant `default`, or gets a
        new revision when its etag changed and `sequencer` is not older; a tombstone's object is due for removal (`deleted`); a later
        overwrite of a registered key is `ignored`; any other key is `unknown`.
        """

    def park(self, code: str, event: ObjectCreated) -> None:
        """Keep a notification that names an unknown bucket or key, for the operator."""


class WorkLedger(Protocol):
    """What the `ocr` function claims and commits. Every write is fenced by `attempt`: False means that the lease was lost and nothing was
    written."""

    def claim(self, after: Work | None = None) -> Work | None:
        """Lease the next due unit of work for 90 s, fairly between tenants; None where nothing is due.

        A split and the first page of its document are one turn: with the split that the caller has just done as `after`, a page of its
        document goes first. So a short document waits for one turn among the tenants, not for two.

        Work whose lease ran out is counted in `lost`, and failed with `worker_lost` at the tenth.
        """

    def due(self) -> int:
        """How many units of work are due now, counted up to 100."""

    def split(self, work: Work, pages: int, engine: EngineInfo) -> bool:
        """Finish a split: insert the page rows. A rejected file goes through `fail`."""

    def finish(self, work: Work, page: RecognisedPage) -> bool:
        """Commit a page with the document's progress, search entries and, for the last page, the final status."""

    def fail(self, work: Work, problem: Problem, *, retry_in: timedelta | None, rejected: bool) -> bool:
        """Report a failure: again after `retry_in`, or, with None, fail the page (or, for a split, the revision) for good.

        `rejected` says that the input can never work. With `retry_in` the failure is counted.
        """

    def hand_over(self, work: Work, *, again_in: timedelta) -> bool:
        """Give the lease back; counts in neither `failures` nor `lost`."""

    def release_leases(self) -> int:
        """Make every lease due now, where it is known that no worker lives; each counts in `lost` when it is claimed again."""


class QueryLedger(Protocol):
    """What the `query` function reads. All calls see the caller's tenant only."""

    def document(self, tenant: str, document_id: str) -> DocumentView:
        """Raises: DocumentNotFound."""

    def document_of_key(self, secret: str, document_id: str) -> tuple[Caller | None, DocumentView | None]:
        """`authenticate` and `document` in one question, which is half the cost of a status read.

        None for an unknown or revoked key; None for a document that its tenant does not have.
        """

    def documents(self, tenant: str, status: Status | None, limit: int, cursor: str | None) -> Listing[DocumentView]:
        """Raises: InvalidCursor."""

    def content(self, tenant: str, document_id: str, page: int | None) -> tuple[DocumentView, ContentView]:
        """The served revision's pages in order, or the one asked for.

        Raises: DocumentNotFound, PageNotFound.
        """

    def search(self, tenant: str, query: str, limit: int, cursor: str | None) -> Listing[SearchHit]:
        """Pages of served revisions that match, newest document first, then by page.

        Raises: EmptyQuery, InvalidCursor.
        """


class DeadLedger(Protocol):
    """What an operator sees and does of documents that ran out of their retries, whichever tenant's."""

    def dead(self, which: DeadFilter, limit: int, cursor: str | None) -> Listing[DeadLetter]:
        """The newest failure first; its cost does not grow with what is finished.

        Raises: InvalidCursor.
        """

    def dead_letter(self, document_id: str) -> DeadLetter:
        """With its failed pages. Raises: DeadLetterNotFound."""

    def dead_letters(self, at_most: int) -> int:
        """How many there are, counted up to `at_most`."""

    def redrive(self, document_ids: Collection[str]) -> int:
        """Queue again, in the same revision, what ran out of its retries; says how many of these were dead letters.

        One transaction, in which all these documents are locked.
        """

    def drop(self, document_ids: Collection[str]) -> int:
        """Take them off the list and leave the documents as they are; says how many of these were dead letters."""

    def queued(self, at_most: int) -> int:
        """How many documents are queued or processing, counted up to `at_most`."""


@dataclass(frozen=True, slots=True)
class Removal:
    """A tombstone whose object is due for removal."""

    document_id: str
    key: str


class SweepLedger(Protocol):
    """What `sweep` finds and mends; every call is bounded by `limit`."""

    def uploads_due(self, limit: int) -> Sequence[DocumentView]:
        """Documents of our own keys that await an upload (or expired of late) and were looked at longest ago; marks them looked at."""

    def expire_uploads(self, limit: int) -> int:
        """End, as `expired`, what was not uploaded in time."""

    def unknown(self, objects: Sequence[ObjectVersion]) -> Sequence[ObjectVersion]:
        """Those of a listing that no document knows with this etag."""

    def removals_due(self, limit: int) -> Sequence[Removal]: ...

    def removed(self, document_id: str) -> None:
        """The store confirmed that the object is gone; the tombstone keeps watch until its upload URL has run out."""

    def retire(self, retention: timedelta, limit: int) -> int:
        """Delete documents whose final status is older than `retention`."""

    def pull_back(self, limit: int) -> int:
        """Mend what a database clock that jumped back has put off: work that is due only in hours would be nobody's until then."""

    def cursor(self, name: str) -> str | None: ...

    def set_cursor(self, name: str, value: str | None) -> None: ...

    def forget(self, limit: int) -> int:
        """Drop idempotency keys older than 24 h and parked events older than 30 days."""

    def due(self) -> int: ...


class ObjectStore(Protocol):
    """An S3-compatible store, one bucket."""

    bucket: str

    def head(self, key: str) -> ObjectVersion | None:
        """None where there is no such object. Raises: StoreUnavailable, StoreDenied."""

    def fetch(self, version: ObjectVersion, target: Path, *, timeout: float) -> str:
        """Read the object into a file with If-Match on its etag, and return the sha256 of its bytes.

        Raises: ObjectChanged, ObjectMissing, StoreUnavailable, StoreDenied, ScratchFull.
        """

    def list(self, prefix: str, start_after: str | None, limit: int) -> Sequence[ObjectVersion]: ...

    def delete(self, key: str) -> None:
        """Remove the object in all its versions; one that is not there is no error."""

    def presign_put(self, key: str, content_type: str, size: int, expires_in: timedelta) -> UploadTicket:
        """A PUT of exactly this type and length, once: `If-None-Match: *` is signed."""

    def presign_post(self, key: str, content_type: str, size: tuple[int, int], expires_in: timedelta) -> UploadTicket:
        """A POST policy with exact key and type and a length range."""

    def presign_get(self, key: str, filename: str, expires_in: timedelta) -> str: ...

    def ready(self) -> bool:
        """Whether the bucket answers just now, within a second or two."""


class Waker(Protocol):
    def wake(self, count: int = 1) -> None:
        """Start so many `ocr` calls soon; returns at once and never raises: a lost wake costs only until the next.

        Without `count` it is one, which may be the same as another's who asked for one so.
        """


class Topics(Protocol):
    """SNS, as it calls over HTTP: anybody can send such an envelope, so that its signature is all that counts."""

    def open(self, envelope: Mapping[str, Any]) -> str | None:
        """The message of a genuine notification of a listed topic; None where it was about the subscription, which is confirmed here.

        Raises: UnknownTopic, StaleSnsMessage, InvalidSnsSignature, SnsUnavailable.
        """


class OcrEngine(Protocol):
    """Recognition. Safe to ask from several threads."""

    info: EngineInfo

    def recognise(self, pages: Iterable[PageRaster], *, clock: Clock | None = None) -> Iterator[RecognisedPage]:
        """One result per raster, in order; may look ahead.

        Raises: EngineFailed for the page it was asked for; an engine in a child process also EngineCrashed, PageTimeout,
        EngineBusy, Interrupted.
        """

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class TextLayer:
    """A PDF page that carries sound text of its own."""

    page: RecognisedPage


class OpenedFile(Protocol):
    """A foreign file, opened in a child process of its own. Not safe to share between threads.

    All calls raise InputError's children, DecoderCrashed, PageTimeout or Interrupted.
    """

    def count(self) -> int:
        """How many pages; validates as far as can be told without decoding."""

    def page(self, number: int, ocr: OcrMode) -> PageRaster | TextLayer: ...

    def close(self) -> None: ...


class Decoder(Protocol):
    def open(self, path: Path, *, clock: Clock | None = None) -> OpenedFile: ...

    def close(self) -> None: ...


class Clock(Protocol):
    """How long this call may go on; the embedded and HTTP hosts say 0 once they were told to stop."""

    def remaining(self) -> float:
        """Seconds in which new work may still be begun; 0 or less: stop."""

    def stopping(self) -> bool:
        """The process was told to stop: abandon what is under way, and hand it over."""
