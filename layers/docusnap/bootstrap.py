"""The one place that builds clients. Nothing connects before it is asked for; tests pass their own environment and parts."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Mapping
from functools import cache
from functools import cached_property as _cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from docusnap import settings as configuration
from docusnap.ports import Decoder, ObjectStore, OcrEngine, Topics, Waker
from docusnap.settings import Settings

if TYPE_CHECKING:
    from docusnap.adapters.postgres.ledger import PostgresLedger
    from docusnap.ocr.worker import Worker
    from docusnap.provision.plan import Kind, Wanted
    from docusnap.provision.prepare import Preparable
    from docusnap.sweep import Sweep


T = TypeVar("T")


class cached_property(_cached_property[T]):  # noqa: N801  used as the one it replaces
    """Built once, also where two threads ask at once: from Python 3.12 on functools' own has no lock."""

    def __get__(self, instance: Any, owner: type[Any] | None = None) -> T:  # type: ignore[override]
        with instance.lock:
            built: T = super().__get__(instance, owner)
            return built


def once(build: Callable[[], T]) -> Callable[[], T]:
    """`functools.cache` for what a process must build only once: that one calls twice where its first two requests come together."""
    lock, kept = threading.Lock(), cache(build)

    def built() -> T:
        with lock:
            return kept()

    return built


class Parts:
    """Every client of one process, each built once, when it is first used. Safe under threads."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.lock = threading.RLock()

    @cached_property
    def settings(self) -> Settings:
        return configuration.load(self._environ)

    # The imports below are late on purpose: `query` must not load what only `ocr` needs (cold start on Lambda).

    @cached_property
    def ledger(self) -> PostgresLedger:
        from docusnap.adapters.postgres.ledger import PostgresLedger

        return PostgresLedger.connect(self.settings.database_url)

    @cached_property
    def store(self) -> ObjectStore:
        from docusnap.adapters.s3 import S3Store

        return S3Store(self.settings)

    @cached_property
    def waker(self) -> Waker:
        if self.settings.ocr_queue_url:
            from docusnap.adapters.sqs import SqsWaker

            return SqsWaker(self.settings)
        from docusnap.adapters.waker import HttpWaker

        return HttpWaker(self.settings.ocr_url)

    @cached_property
    def topics(self) -> Topics:
        from docusnap.adapters.sns import SnsTopics

        return SnsTopics(self.settings.sns_topic_arns)

    @cached_property
    def decoder(self) -> Decoder:
        from docusnap.adapters.decoder.process import DecoderProcess

        return DecoderProcess(self.settings)

    @cached_property
    def engine(self) -> OcrEngine:
        from docusnap.adapters.engine_process import EngineProcess

        return EngineProcess(self.settings)

    @cached_property
    def worker(self) -> Worker:
        from docusnap.ocr.scratch import Scratch
        from docusnap.ocr.worker import Worker

        folder = self.settings.scratch_dir or Path(tempfile.gettempdir()) / "docusnap"
        return Worker(
            ledger=self.ledger,
            store=self.store,
            decoder=self.decoder,
            engine=self.engine,
            waker=self.waker,
            scratch=Scratch(folder, self.settings.scratch_bytes),
            settings=self.settings,
        )

    @cached_property
    def sweep(self) -> Sweep:
        from docusnap.sweep import Sweep

        return Sweep(ledger=self.ledger, store=self.store, waker=self.waker, settings=self.settings)


@once
def parts() -> Parts:
    """The parts of this process, by its environment."""
    return Parts(os.environ)


def store_preparer(settings: Settings, wanted: Callable[[Kind], Wanted], kind: str | None) -> tuple[Preparable, Wanted]:
    """What prepares the store of the settings, and what is wanted of one of its kind, which the store is asked for unless it is given.

    Raises: StoreUnavailable, ConfigurationError.
    """
    from docusnap.provision.plan import Kind

    if kind is None:
        from docusnap.adapters.provision.kind import kind_of

        decided = wanted(kind_of(settings.s3_endpoint_url))
    else:
        decided = wanted(Kind(kind))
    match decided.kind:
        case Kind.MINIO:
            from docusnap.adapters.provision.minio import MinioPreparer

            return MinioPreparer(settings, decided), decided
        case Kind.AWS:
            from docusnap.adapters.provision.aws import AwsPreparer

            return AwsPreparer(settings, decided), decided
        case Kind.CEPH:
            from docusnap.adapters.provision.ceph import CephPreparer

            return CephPreparer(settings, decided), decided
