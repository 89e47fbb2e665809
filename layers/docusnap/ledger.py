"""The ledger's decisions, pure: what a ledger must do, whichever database keeps it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from docusnap.errors import ObjectChanged
from docusnap.model import ObjectVersion, Status, UploadRequest

LEASE = timedelta(seconds=90)
LOST_LIMIT = 10  # leases that ran out, before the work counts as what kills its workers
DUE_COUNTED = 100
PUT_OFF = timedelta(minutes=10)  # nothing is put off so long: neither a lease, nor a back-off, nor a look at an upload

IDEMPOTENCY = timedelta(hours=24)  # how long a key stands for its request
PARKED = timedelta(days=30)  # how long an operator finds a parked event
TOMBSTONES = timedelta(days=30)  # how long a purged tombstone is kept

LOOK_AGAIN = timedelta(seconds=5)  # less than the 10 s between two sweeps, so that each sweep sees every upload that is due
LOOK_LATE = timedelta(minutes=5)  # between looks at an upload that expired
LATE = timedelta(hours=1)  # a slow upload that began in time may end after its URL did
GRACE = timedelta(seconds=5)  # a store whose clock is late takes a URL a little longer; what comes later still is queued all the same
REAPPEARS = timedelta(seconds=15)  # a HEAD from before a removal may still be under way; sweep finds what really came back

FOREIGN = "incoming/"
FOREIGN_TENANT = "default"

SERVABLE = frozenset({Status.SUCCEEDED, Status.PARTIAL})


@dataclass(frozen=True, slots=True)
class Pages:
    """What became of a revision's pages once none is left to do."""

    done: int
    failed: int
    rejected: int  # of the failed: because the input can never work


def final_status(pages: Pages) -> Status:
    """What a revision ends as when its last page did."""
    if pages.done:
        return Status.PARTIAL if pages.failed else Status.SUCCEEDED
    return Status.REJECTED if pages.rejected == pages.failed else Status.FAILED


def overwritten_status(done: int) -> Status:
    """What a running revision ends as when its object was replaced."""
    return Status.PARTIAL if done else Status.REJECTED


OVERWRITTEN = ObjectChanged("The object was overwritten while it was read.").problem


def takes_over(finished: Status, served: Status, *, superseded: bool = False, served_pages: int = 0) -> bool:
    """Whether a revision that finished is served from now on, instead of the one that was, which has `served_pages` done.

    One that was `superseded` by another version of its object is a fragment: it never replaces a text, not even a cancelled one's.
    """
    if superseded:
        return not (served.has_content and served_pages)
    return finished in SERVABLE or served not in SERVABLE


def key_of(tenant: str, document_id: str) -> str:
    """The object key of a registered document."""
    return f"uploads/{tenant}-{document_id}"


def adoptable(key: str) -> bool:
    """Whether a key that nobody registered becomes a document."""
    return key.startswith(FOREIGN)


def folder_marker(key: str) -> bool:
    """What consoles put to show a folder."""
    return key.endswith("/")


def filename_of(key: str) -> str:
    return key.rpartition("/")[2]


def fingerprint(request: UploadRequest) -> str:
    """The sha256 by which an idempotency key knows its request again."""
    text = json.dumps(request.fingerprint(), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def older(sequencer: str | None, known: str | None) -> bool:
    """Whether an event is older than the one already recorded; False where one of them says nothing.

    The shorter is padded with zeros on the right, as AWS tells to: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    """
    if sequencer is None or known is None:
        return False
    width = max(len(sequencer), len(known))
    return sequencer.upper().ljust(width, "0") < known.upper().ljust(width, "0")


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger knows of a key: its document and the newest revision."""

    foreign: bool
    deleted: bool
    status: Status
    etag: str | None  # None until the object was seen
    sequencer: str | None


class Step(StrEnum):
    """What to do about an object that was seen."""

    UNKNOWN = "unknown"  # nobody's
    IGNORE = "ignore"  # known, and not to be recognised
    DUPLICATE = "duplicate"  # this version is recorded already
    ADOPT = "adopt"  # a foreign object becomes a document
    REMOVE = "remove"  # a tombstone's: to be deleted
    QUEUE = "queue"  # the upload that was awaited
    NOTE = "note"  # uploaded after its document was cancelled: recorded, and left
    RENEW = "renew"  # a foreign object was overwritten: a new revision


def on_arrival(seen: ObjectVersion, known: Known | None) -> Step:
    """Decide what an object that HEAD has told of means."""
    if folder_marker(seen.key):
        return Step.IGNORE
    if known is None:
        return Step.ADOPT if adoptable(seen.key) else Step.UNKNOWN
    if known.deleted:
        return Step.REMOVE
    if known.etag is None:
        return Step.NOTE if known.status is Status.CANCELLED else Step.QUEUE
    if seen.etag == known.etag:  # equal bytes put again need no second recognition, whatever their version is called
        return Step.DUPLICATE
    if not known.foreign or older(seen.sequencer, known.sequencer):
        return Step.IGNORE
    return Step.RENEW
