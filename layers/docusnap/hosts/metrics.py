"""Prometheus metrics of a gateway of several processes, by route, never by path.

PROMETHEUS_MULTIPROC_DIR must be set before prometheus_client is first imported; without it each process counts for itself.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from functools import cache
from typing import Protocol

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import REGISTRY, Collector

from docusnap.bootstrap import once
from docusnap.errors import DocuSnapError

log = logging.getLogger(__name__)

MEDIA_TYPE = CONTENT_TYPE_LATEST
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
COUNTED = 10_000  # documents; more are not counted at a scrape
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Ledger(Protocol):
    """What a scrape asks of the ledger."""

    def due(self) -> int: ...

    def queued(self, at_most: int) -> int: ...

    def dead_letters(self, at_most: int) -> int: ...


class Requests:
    """Counts requests and their time."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        names = ["method", "route"]
        self._count = Counter("docusnap_http_requests", "Requests answered.", [*names, "status"], registry=registry)
        self._seconds = Histogram("docusnap_http_request_seconds", "Time to answer.", names, buckets=SECONDS, registry=registry)

        self._of = cache(self._children)  # prometheus_client looks for them anew each time
        self.in_progress = Gauge(
            "docusnap_http_requests_in_progress",
            "Requests being answered; readers who wait are among them.",
            multiprocess_mode="livesum",
            registry=registry,
        )

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        known = method if method in METHODS else "other"
        count, took = self._of(known, route, status)
        count.inc()
        took.observe(seconds)

    def _children(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        return self._count.labels(method, route, str(status)), self._seconds.labels(method, route)


@once
def requests() -> Requests:
    """This process's counters, made when the first request is answered."""
    return Requests()


class LedgerGauges(Collector):
    """What waits, asked at each scrape; left out while the database is away, which `docusnap_ledger_up` tells."""

    def __init__(self, ledger: Callable[[], Ledger]) -> None:
        self._ledger = ledger

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            ledger = self._ledger()
            due, queued, dead = ledger.due(), ledger.queued(COUNTED), ledger.dead_letters(COUNTED)
        except DocuSnapError as exc:
            log.warning("the ledger could not be asked at a scrape", extra={"code": exc.code})
            yield GaugeMetricFamily("docusnap_ledger_up", "Whether the database answered.", 0)
            return
        yield GaugeMetricFamily("docusnap_ledger_up", "Whether the database answered.", 1)
        yield GaugeMetricFamily("docusnap_work_due", "Pages and splits due now, counted up to 100.", due)
        yield GaugeMetricFamily("docusnap_documents_waiting", f"Documents queued or processing, counted up to {COUNTED}.", queued)
        yield GaugeMetricFamily("docusnap_dead_letters", f"Documents that ran out of their retries, counted up to {COUNTED}.", dead)


def exposition(ledger: Callable[[], Ledger]) -> bytes:
    """All processes' counters with the ledger's gauges, in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(LedgerGauges(ledger))
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
    return generate_latest(registry) + generate_latest(REGISTRY)
