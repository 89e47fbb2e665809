"""Finds what an event did not bring: uploads, foreign objects, expired leases and uploads, retention, unfinished deletions.

Every step is bounded by SWEEP_BATCH and goes on where the last run stopped; one that fails does not keep the others from running.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Protocol

from docusnap import errors
from docusnap.model import ObjectVersion
from docusnap.ports import IntakeLedger, ObjectStore, Removal, SweepLedger, Waker
from docusnap.settings import Settings

log = logging.getLogger(__name__)

FOREIGN = "incoming/"
HEADS_AT_ONCE = 8


class Ledger(SweepLedger, IntakeLedger, Protocol):
    """What sweep needs of the ledger."""


class Sweep:
    """One run is one call of the `sweep` function; two at once do no harm."""

    def __init__(self, *, ledger: Ledger, store: ObjectStore, waker: Waker, settings: Settings) -> None:
        self._ledger, self._store, self._waker, self._settings = ledger, store, waker, settings

    def run(self) -> dict[str, int]:
        """Do every step once and say how much each found; a step that failed is -1.

        Raises: DatabaseUnavailable.
        """
        steps: dict[str, Callable[[], int]] = {
            "uploads": self._uploads,
            "expired": lambda: self._ledger.expire_uploads(self._settings.sweep_batch),
            "foreign": self._foreign,
            "removed": self._remove,
            "retired": self._retire,
            "forgotten": lambda: self._ledger.forget(self._settings.sweep_batch),
            "pulled_back": lambda: self._ledger.pull_back(self._settings.sweep_batch),
        }
        found: dict[str, int] = {}
        for name, step in steps.items():
            if name == "expired" and found["uploads"] < 0:
                continue  # what nobody could look for has not expired
            found[name] = _guarded(name, step)
        found["due"] = self._wake()
        return found

    def _need_store(self) -> None:
        """Asked before the ledger notes what was looked at: a store that is away must not count as a look."""
        if not self._store.ready():
            raise errors.StoreUnavailable

    def _uploads(self) -> int:
        self._need_store()
        keys = [document.key for document in self._ledger.uploads_due(self._settings.sweep_batch)]
        return self._arrive(keys)

    def _foreign(self) -> int:
        self._need_store()
        batch = self._settings.sweep_batch
        name = f"{self._store.bucket}/{FOREIGN}"
        listed = self._store.list(FOREIGN, self._ledger.cursor(name), batch)
        arrived = self._arrive([version.key for version in self._ledger.unknown(listed)])
        self._ledger.set_cursor(name, listed[-1].key if len(listed) == batch else None)
        return arrived

    def _arrive(self, keys: Sequence[str]) -> int:
        """HEAD decides: a listing may be late, and tells no version. A store that goes away meanwhile is asked no more.

        Raises: StoreUnavailable, after what was seen until then is recorded.
        """
        away = threading.Event()
        with ThreadPoolExecutor(HEADS_AT_ONCE) as pool:
            seen = list(pool.map(lambda key: None if away.is_set() else self._head(key, away), keys))
        outcomes = [self._ledger.arrive(found).outcome for found in seen if found is not None]
        if away.is_set():
            raise errors.StoreUnavailable
        return outcomes.count("queued")

    def _head(self, key: str, away: threading.Event) -> ObjectVersion | None:
        """One object that may not be looked at does not keep the others, or the walk behind it."""
        try:
            return self._store.head(key)
        except errors.DocuSnapError as exc:
            log.warning("an object could not be looked at", extra={"key": key, "code": exc.code, "detail": exc.detail})
            if isinstance(exc, errors.StoreUnavailable) and not self._store.ready():
                away.set()
            return None

    def _remove(self) -> int:
        self._need_store()
        removals = self._ledger.removals_due(self._settings.sweep_batch)
        return sum(self._removed(removal) for removal in removals)

    def _removed(self, removal: Removal) -> bool:
        """One object that cannot be removed does not keep the others; it is due again with the next run."""
        try:
            self._store.delete(removal.key)
            gone = self._store.head(removal.key) is None
        except (errors.StoreDenied, errors.StoreUnavailable) as exc:
            log.warning("an object could not be removed", extra={"document": removal.document_id, "detail": exc.detail})
            return False
        if gone:
            self._ledger.removed(removal.document_id)
        return gone

    def _retire(self) -> int:
        if self._settings.retention_days is None:
            return 0
        return self._ledger.retire(timedelta(days=self._settings.retention_days), self._settings.sweep_batch)

    def _wake(self) -> int:
        due = self._ledger.due()
        if due:
            self._waker.wake(min(due, self._settings.ocr_fanout))
        return due


def _guarded(name: str, step: Callable[[], int]) -> int:
    try:
        return step()
    except errors.DatabaseUnavailable:
        raise
    except errors.DocuSnapError as exc:
        log.warning("a step of sweep failed", extra={"step": name, "code": exc.code, "detail": exc.detail})
    except Exception:
        log.exception("a step of sweep went wrong", extra={"step": name})
    return -1
