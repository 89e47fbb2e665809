"""The vocabulary: frozen values that cross every seam. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Status(StrEnum):
    """Where a revision stands; a document shows the status of the revision that is served."""

    AWAITING_UPLOAD = "awaiting_upload"
    QUEUED = "queued"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"  # some pages failed
    FAILED = "failed"  # after its retries; can be redriven
    REJECTED = "rejected"  # the input can never work
    CANCELLED = "cancelled"
    EXPIRED = "expired"  # not uploaded in time

    @property
    def final(self) -> bool:
        return self not in RUNNING

    @property
    def has_content(self) -> bool:
        return self in {Status.SUCCEEDED, Status.PARTIAL, Status.CANCELLED}


RUNNING = frozenset({Status.AWAITING_UPLOAD, Status.QUEUED, Status.PROCESSING})


class WorkState(StrEnum):
    """Where one unit of work (the split or a page) stands."""

    QUEUED = "queued"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class OcrMode(StrEnum):
    AUTO = "auto"  # a sound text layer of the PDF's own is used
    FORCE = "force"  # every page is recognised from its pixels


class Scope(StrEnum):
    USER = "user"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who an API key speaks for."""

    key_id: str
    tenant: str
    scopes: frozenset[Scope]


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key as an operator may see it: never the secret itself."""

    id: str
    tenant: str
    scopes: frozenset[Scope]
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a document or a page did not work, as clients see it."""

    code: str  # stable, listed in docs/errors.md
    message: str  # one sentence that says what to do
    page: int | None = None  # counted from 1


@dataclass(frozen=True, slots=True)
class Progress:
    total: int | None  # None before the pages are counted
    done: int  # excludes failed
    failed: int


@dataclass(frozen=True, slots=True)
class RevisionView:
    """One recognition of one object version."""

    number: int
    status: Status
    pages: Progress
    error: Problem | None


@dataclass(frozen=True, slots=True)
class DocumentView:
    """A document as its owner sees it; `served` is what status, content and search speak of."""

    id: str
    tenant: str
    filename: str
    content_type: str  # as promised by the client; the bytes decide
    bucket: str
    key: str
    foreign: bool  # put under incoming/ by somebody else's client
    served: RevisionView
    newest: RevisionView  # the same as `served` unless a newer revision is running or did not finish well
    uploaded: bool  # an object of this document was seen in the bucket
    upload_expires_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @property
    def settled(self) -> bool:
        """Nothing is running: what `wait` waits for."""
        return self.newest.status.final


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """What a client declares about an upload before it has sent a byte."""

    filename: str
    content_type: str
    size: int | None = None  # bytes
    sha256: str | None = None  # 64 hex digits, lower case
    method: str = "POST"  # PUT or POST
    ocr: OcrMode = OcrMode.AUTO

    def fingerprint(self) -> Mapping[str, Any]:
        """What must be equal for two requests under one Idempotency-Key."""
        return {f: getattr(self, f) for f in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class UploadTicket:
    """A presigned upload: the client sends exactly `headers`, or `fields` and then `file`."""

    method: str
    url: str
    expires_at: datetime
    headers: Mapping[str, str] | None = None
    fields: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One version of an object, as HEAD, a listing or a notification tells it."""

    bucket: str
    key: str
    etag: str  # without quotes
    size: int  # bytes
    version_id: str | None = None
    sequencer: str | None = None  # hexadecimal; orders the events of one key
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class ObjectCreated:
    """A notification's record after its dialect is gone: the key is decoded, the etag unquoted."""

    bucket: str
    key: str
    etag: str | None
    size: int | None
    sequencer: str | None
    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """What the ledger made of an object that was seen."""

    outcome: str  # queued | duplicate | ignored | deleted | unknown
    document_id: str | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """A claimed unit of work. Every write about it repeats `attempt`, its fence."""

    revision_id: int
    page: int  # 0 is the split; pages count from 1
    attempt: int
    failures: int  # how often a living worker reported a failure, before this attempt
    document_id: str
    tenant: str
    object: ObjectVersion
    ocr: OcrMode
    sha256: str | None  # as declared; compared when the object is first read

    @property
    def is_split(self) -> bool:
        return self.page == 0


@dataclass(frozen=True, slots=True)
class PageRaster:
    """One upright-as-stored page: 8-bit RGB or grey, `height` × `width` × `channels` bytes, row by row."""

    number: int
    width: int  # pixels
    height: int  # pixels
    dpi: int | None  # None where the file does not say
    pixels: bytes
    channels: int = 3  # 3: RGB; 1: grey, which most scans are, and which costs a third on its way to the recogniser


Polygon = tuple[tuple[float, float], ...]  # four corners in pixels of the upright page, clockwise from the text's top left


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    confidence: float | None
    polygon: Polygon


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    confidence: float | None  # 0 to 1; None where the text came from the file's own layer
    polygon: Polygon
    words: Sequence[Word] = ()


@dataclass(frozen=True, slots=True)
class Block:
    kind: str  # paragraph, heading or table
    first: int  # line number from 0
    last: int  # inclusive


@dataclass(frozen=True, slots=True)
class ModelFile:
    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """Provenance of a result."""

    name: str
    version: str
    models: Sequence[ModelFile] = ()


@dataclass(frozen=True, slots=True)
class RecognisedPage:
    """A page's text in reading order, with where each line stands."""

    number: int
    source: str  # "ocr" | "text"
    width: int
    height: int
    dpi: int | None
    rotation: int  # 0, 90, 180 or 270 degrees clockwise that made it upright
    lines: Sequence[Line] = ()
    blocks: Sequence[Block] = ()

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)

    @property
    def empty(self) -> bool:
        return not self.lines


@dataclass(frozen=True, slots=True)
class PageView:
    """A page as content shows it; `result` is None unless it succeeded."""

    number: int
    status: WorkState
    error: Problem | None
    result: RecognisedPage | None


@dataclass(frozen=True, slots=True)
class ContentView:
    document_id: str
    revision: int
    engine: EngineInfo | None
    pages: Sequence[PageView]


@dataclass(frozen=True, slots=True)
class SearchMatch:
    line: int  # from 0
    polygon: Polygon


@dataclass(frozen=True, slots=True)
class SearchHit:
    document_id: str
    page: int
    score: float
    snippet: str
    matches: Sequence[SearchMatch] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class FailedPage:
    """A page that failed for good, as an operator sees it."""

    number: int
    problem: Problem
    failures: int  # reported by living workers
    lost: int  # leases that ran out
    rejected: bool  # the input can never work: not to be redriven


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A document that ran out of its retries, as an operator sees it: whose it is and what went wrong, never a text."""

    id: str  # the document's
    tenant: str
    filename: str
    bucket: str
    key: str
    foreign: bool
    revision: RevisionView
    problem: Problem  # of the first page that ran out of its retries, or of the split
    failures: int  # of that page, reported by living workers
    lost: int  # of that page, leases that ran out
    failed_at: datetime
    created_at: datetime
    failed_pages: Sequence[FailedPage] = ()  # not in a list


@dataclass(frozen=True, slots=True)
class DeadFilter:
    """Which dead letters; None: of all tenants, with any code."""

    tenant: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """A page of a list, newest first; `cursor` is None at the end."""

    items: Sequence[T]
    cursor: str | None
