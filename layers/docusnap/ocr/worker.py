"""Claim → fetch → recognise → commit, until nothing is due or the time is nearly up.

A page's failure, its back-off and a hand-over are ledger rows, never a failed call: only a database that cannot be written fails the call.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, TypeVar

from docusnap import errors
from docusnap.model import ObjectVersion, PageRaster, RecognisedPage, Work
from docusnap.ocr import retry
from docusnap.ocr.scratch import Scratch
from docusnap.ocr.turns import Turns
from docusnap.ports import Clock, Decoder, ObjectStore, OcrEngine, OpenedFile, TextLayer, Waker, WorkLedger
from docusnap.settings import Settings

log = logging.getLogger(__name__)
T = TypeVar("T")

LEASE_SECONDS = 80.0  # of 90: fetching, decoding, waiting for a turn and recognising together; what is left is for the commit
COMMIT_SECONDS = 20.0  # a finished page outlives a database that is away this long


@dataclass(slots=True)
class Budget:
    """The host's clock, with an end of its own, and with the end of the lease that is worked on."""

    clock: Clock
    ends: float
    lease_ends: float = math.inf

    @classmethod
    def of(cls, clock: Clock, seconds: float) -> Budget:
        return cls(clock, time.monotonic() + seconds)

    def leased(self) -> None:
        """A lease begins now."""
        self.lease_ends = time.monotonic() + LEASE_SECONDS

    def remaining(self) -> float:
        return min(self.clock.remaining(), self.ends - time.monotonic())

    def told_to_stop(self) -> bool:
        return self.clock.stopping()

    def stopping(self) -> bool:
        """What is under way is to be abandoned: the host ends, or another worker may soon claim the page."""
        return self.told_to_stop() or time.monotonic() > self.lease_ends


@dataclass(slots=True)
class _Open:
    """The file this thread worked on last: the next page of it needs no new child."""

    version: ObjectVersion | None = None
    file: OpenedFile | None = None
    sha256: str = ""
    held: ExitStack = field(default_factory=ExitStack)

    def close(self) -> None:
        self.held.close()
        self.version = self.file = None


class Worker:
    """One process's worker; several threads may run it at once."""

    def __init__(
        self,
        *,
        ledger: WorkLedger,
        store: ObjectStore,
        decoder: Decoder,
        engine: OcrEngine,
        waker: Waker,
        scratch: Scratch,
        settings: Settings,
    ) -> None:
        self._ledger, self._store, self._waker = ledger, store, waker
        self._decoder, self._engine = decoder, engine
        self._scratch, self._settings = scratch, settings
        self._places = threading.BoundedSemaphore(settings.ocr_fanout)
        self.turns = Turns()

    def run(self, clock: Clock) -> dict[str, Any]:
        """Work until nothing is due or the time is up; says how many units were handled.

        At most OCR_FANOUT calls work at once in a process: one more ends at once and says that it was full, since those find the same work.

        Raises: DatabaseUnavailable.
        """
        if not self._places.acquire(blocking=False):
            return {"handled": 0, "full": True}
        try:
            return {"handled": self._run(Budget.of(clock, self._settings.ocr_work_seconds))}
        finally:
            self._places.release()

    def _run(self, budget: Budget) -> int:
        opened, handled, work = _Open(), 0, None
        try:
            while budget.remaining() > 0 and (work := self._ledger.claim(work)) is not None:
                budget.leased()
                self._handle(work, opened, budget)
                handled += 1
        finally:
            opened.close()
            self._scratch.tidy()
        if handled and not budget.told_to_stop() and budget.remaining() <= 0 and self._ledger.due():
            self._waker.wake(1)
        return handled

    def _handle(self, work: Work, opened: _Open, clock: Budget) -> None:
        try:
            file = self._open(work, opened, clock)
            self._split(work, file, opened, clock) if work.is_split else self._page(work, file, clock)
        except errors.DatabaseUnavailable:
            raise
        except errors.Interrupted:
            opened.close()
            self._interrupted(work, clock)
        except errors.Unavailable as exc:
            opened.close()
            self._unavailable(work, exc)
        except errors.InputError as exc:
            self._reject(work, exc, opened)
        except Exception as exc:  # noqa: BLE001  a page must end in the ledger, whatever happened to it
            opened.close()
            self._failed(work, _as_failure(exc))

    def _interrupted(self, work: Work, clock: Budget) -> None:
        if clock.told_to_stop():
            self._commit(lambda: self._ledger.hand_over(work, again_in=retry.NOW))
        else:
            self._failed(work, errors.PageTimeout())

    def _unavailable(self, work: Work, exc: errors.Unavailable) -> None:
        """Hand over what is nobody's fault."""
        wait = retry.for_a_turn() if isinstance(exc, errors.EngineBusy) else retry.after_outage(work.attempt)
        log.warning("handed over", extra={"code": exc.code, **_where(work)})
        self._commit(lambda: self._ledger.hand_over(work, again_in=wait))

    def _open(self, work: Work, opened: _Open, clock: Clock) -> OpenedFile:
        if opened.file is not None and opened.version == work.object:
            return opened.file
        opened.close()
        self._check_size(work)
        fetched = opened.held.enter_context(self._scratch.hold(work.object, self._store))
        opened.file, opened.version, opened.sha256 = self._decoder.open(fetched.path, clock=clock), work.object, fetched.sha256
        opened.held.callback(opened.file.close)
        return opened.file

    def _check_size(self, work: Work) -> None:
        if work.object.size == 0:
            raise errors.EmptyObject
        if work.object.size > self._settings.max_object_bytes:
            raise errors.ObjectTooLarge
        if work.object.size > self._settings.scratch_bytes:
            raise errors.ObjectTooLarge("The file is larger than SCRATCH_BYTES.")

    def _split(self, work: Work, file: OpenedFile, opened: _Open, clock: Clock) -> None:
        if work.sha256 is not None and work.sha256 != opened.sha256:
            raise errors.ChecksumMismatch
        pages = file.count()
        if not self._commit(lambda: self._ledger.split(work, pages, self._engine.info)):
            return
        # This call goes on with one page itself, if it has the time.
        others = pages - 1 if clock.remaining() > 0 else pages
        if others:
            self._waker.wake(min(others, self._settings.ocr_fanout))

    def _page(self, work: Work, file: OpenedFile, clock: Clock) -> None:
        decoded = file.page(work.page, work.ocr)
        page = decoded.page if isinstance(decoded, TextLayer) else self._recognised(decoded, work.tenant, clock)
        if not self._commit(lambda: self._ledger.finish(work, page)):
            log.warning("another worker took the page over", extra=_where(work))

    def _recognised(self, raster: PageRaster, tenant: str, clock: Clock) -> RecognisedPage:
        with self.turns.of(tenant, clock):
            return next(self._engine.recognise([raster], clock=clock))

    def _reject(self, work: Work, exc: errors.InputError, opened: _Open) -> None:
        if work.is_split or isinstance(exc, errors.ObjectChanged | errors.ObjectMissing):
            opened.close()
        problem = exc.problem if work.is_split else _on_page(exc, work)
        self._commit(lambda: self._ledger.fail(work, problem, retry_in=None, rejected=True))

    def _failed(self, work: Work, exc: errors.DocuSnapError) -> None:
        failures = work.failures + 1
        again = retry.after_failure(failures) if failures < self._settings.page_failures else None
        log.warning("failed", extra={"code": exc.code, "failures": failures, **_where(work)})
        self._commit(lambda: self._ledger.fail(work, _on_page(exc, work), retry_in=again, rejected=False))

    def _commit(self, write: Callable[[], T]) -> T:
        """Write, and try again while the database is away for a moment: the page is recognised already."""
        ends = time.monotonic() + COMMIT_SECONDS
        while True:
            try:
                return write()
            except errors.DatabaseUnavailable:
                if time.monotonic() > ends:
                    raise
                time.sleep(0.5)


def _as_failure(exc: Exception) -> errors.DocuSnapError:
    if isinstance(exc, errors.ProcessingError):
        return exc
    log.error("unexpected", exc_info=exc)
    return errors.ProcessingError()


def _on_page(exc: errors.DocuSnapError, work: Work) -> Any:
    exc.page = work.page or None
    return exc.problem


def _where(work: Work) -> dict[str, Any]:
    return {"document": work.document_id, "page": work.page, "attempt": work.attempt}
