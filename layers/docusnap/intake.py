"""An object that was seen → a ledger row, and a wake. The event is a hint: HEAD decides."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from docusnap import errors
from docusnap.model import ObjectCreated, ObjectVersion
from docusnap.ports import IntakeLedger, ObjectStore, Waker

log = logging.getLogger(__name__)

OWN, FOREIGN = "uploads/", "incoming/"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a notification's records."""

    records: int
    queued: int
    parked: int


class Intake:
    """What the `intake` function does. Safe under threads."""

    def __init__(self, *, ledger: IntakeLedger, store: ObjectStore, waker: Waker) -> None:
        self._ledger, self._store, self._waker = ledger, store, waker

    def receive(self, events: Sequence[ObjectCreated]) -> Receipt:
        """Queue what the events name, park what nobody knows, and wake `ocr` once.

        A record that goes wrong is parked and does not keep back the others. Where the database or the store is away the sender is asked to
        send all again: a version that arrives twice is queued once.

        Raises: DatabaseUnavailable, SchemaOutdated, StoreUnavailable, StoreDenied.
        """
        outcomes: Counter[str] = Counter()
        try:
            for event in events:
                outcomes[self._receive(event)] += 1
        finally:
            if outcomes["queued"]:
                self._waker.wake()
        return Receipt(records=len(events), queued=outcomes["queued"], parked=outcomes["parked"])

    def _receive(self, event: ObjectCreated) -> str:
        try:
            return self._arrive(event)
        except (errors.Unavailable, errors.StoreDenied):
            raise
        except errors.DocuSnapError as exc:
            return self._park(exc.code, event)
        except Exception:
            log.exception("a notification's record went wrong")
            return self._park(errors.DocuSnapError.code, event)

    def _arrive(self, event: ObjectCreated) -> str:
        if event.bucket != self._store.bucket:
            raise errors.UnknownBucket
        if not event.key.startswith((OWN, FOREIGN)):
            raise errors.UnknownKey
        if event.key.endswith("/"):
            return "ignored"  # what consoles put to show a folder
        seen = self._store.head(event.key)
        if seen is None:
            return self._vanished(event)
        outcome = self._ledger.arrive(_with_order(seen, event)).outcome
        if outcome == "unknown":
            raise errors.UnknownKey
        return outcome

    def _vanished(self, event: ObjectCreated) -> str:
        if self._ledger.document_of(event.bucket, event.key) is None:
            raise errors.UnknownKey
        log.warning("an event names an object that is not there", extra={"key": event.key})
        return "ignored"

    def _park(self, code: str, event: ObjectCreated) -> str:
        self._ledger.park(code, event)
        log.warning("parked a notification's record", extra={"code": code, "bucket": event.bucket, "key": event.key})
        return "parked"


def _with_order(seen: ObjectVersion, event: ObjectCreated) -> ObjectVersion:
    """HEAD tells no sequencer: the event's is the version's own only where both speak of the same bytes."""
    return replace(seen, sequencer=event.sequencer) if seen.etag == event.etag else seen
