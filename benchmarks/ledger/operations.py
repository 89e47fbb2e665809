"""What each call of the ledger takes, and the CPU of a page from its claim to its commit, on one database."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

import sqlalchemy as sa
from docusnap.adapters.postgres.ledger import PostgresLedger
from docusnap.bootstrap import Parts
from docusnap.model import EngineInfo, Line, ObjectVersion, RecognisedPage, Scope, UploadRequest, Work
from docusnap.sweep import Sweep

from benchmarks.ledger.filled import SHORT
from benchmarks.ledger.house import House, cpu_of

T = TypeVar("T")

PAGES, BATCH = 1000, 100
READS = 200
SWEEPS = 15
ENGINE = EngineInfo("trivial", "1")
SQUARE = ((90.0, 90.0), (1500.0, 90.0), (1500.0, 130.0), (90.0, 130.0))
TEXT = "invoice of the Harbour Street Bakery 合同编号"


@dataclass(slots=True)
class Operations:
    """Seconds of each call by its name; CPU seconds a page, of this process and of the database's."""

    took: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    cpu: tuple[float, float] = (0.0, 0.0)  # of the batch with the least: what else runs on a core makes the same work cost more

    def time(self, name: str, call: Callable[[], T]) -> T:
        began = time.perf_counter()
        result = call()
        self.took[name].append(time.perf_counter() - began)
        return result


def measure(house: House, url: str) -> Operations:
    """One worker's life, and readers after it, as the tenant who may have a million documents."""
    ledger, found = PostgresLedger.connect(url, pool_size=1), Operations()
    ledger.create_key(SHORT, [Scope.USER])
    documents = [_queued(ledger, found) for _ in range(PAGES)]
    backends = [ledger.database.write(_backend), ledger.database.read(_backend)]
    found.cpu = min((_batch(ledger, found, backends) for _ in range(PAGES // BATCH)), key=sum)
    _read(ledger, found, documents)
    sweep = _sweep(house, url)
    for _ in range(SWEEPS):
        found.time("sweep, all steps", sweep.run)
    ledger.dispose()
    return found


def _batch(ledger: PostgresLedger, found: Operations, backends: Sequence[int]) -> tuple[float, float]:
    """CPU seconds a page of this process and of the two that serve it in PostgreSQL."""
    here, there = time.process_time(), sum(map(cpu_of, backends))
    for _ in range(BATCH):
        _work(ledger, found)
    return (time.process_time() - here) / BATCH, (sum(map(cpu_of, backends)) - there) / BATCH


def _backend(connection: sa.Connection) -> int:
    return int(connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one())


def _queued(ledger: PostgresLedger, found: Operations) -> str:
    request = UploadRequest("scan.png", "image/png", 1000)
    document = ledger.register(SHORT, "docusnap", request, timedelta(minutes=15), None).document
    found.time("queue", lambda: ledger.arrive(ObjectVersion("docusnap", document.key, "e1", 1000)))
    return document.id


def _work(ledger: PostgresLedger, found: Operations) -> None:
    """A document of one page: its split, and the page."""
    for _ in range(2):
        work = found.time("claim", ledger.claim)
        if work is None:
            raise RuntimeError("Queued work was not there to be claimed.")
        _done(ledger, found, work)


def _done(ledger: PostgresLedger, found: Operations, work: Work) -> None:
    if work.is_split:
        found.time("split", lambda: ledger.split(work, 1, ENGINE))
    else:
        page = RecognisedPage(work.page, "ocr", 1654, 2339, 200, 0, (Line(TEXT, 0.99, SQUARE),))
        found.time("commit", lambda: ledger.finish(work, page))


def _read(ledger: PostgresLedger, found: Operations, documents: list[str]) -> None:
    for document in documents[-READS:]:
        found.time("status", lambda document=document: ledger.document(SHORT, document))  # type: ignore[misc]
        found.time("list", lambda: ledger.documents(SHORT, None, 20, None))
        found.time("due", ledger.due)
        found.time("search with hits", lambda: ledger.search(SHORT, "bakery", 20, None))
        found.time("search without", lambda: ledger.search(SHORT, "nowhere", 20, None))


def _sweep(house: House, url: str) -> Sweep:
    """Wakes nobody; with retention, so that the step which looks for old documents looks."""
    environ: Mapping[str, str] = {
        **house.store,
        "S3_ENDPOINT_URL": house.s3_url,
        "DATABASE_URL": url,
        "RETENTION_DAYS": "3650",
    }
    return Parts(environ).sweep
