"""Search over a million pages of one line, and over as many lines on pages of forty."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from docusnap.adapters.postgres.ledger import PostgresLedger

from benchmarks.ledger.filled import LONG, SHORT

TIMES = 12
# What stands on every page, on some, on one and on none; words, phrases and single characters.
QUERIES: Mapping[str, str] = {
    "the commonest word": "the",
    "three common words": "the of and",
    "a phrase of common words": '"of the"',
    "the commonest character": "的",
    "a common run of Chinese": "的一",
    "a single Chinese character": "银",
    "a usual word": "babebu",
    "a common word with a rare one": "the namobu",
    "a run of Chinese": "合同文件",
    "a word on one page": "no500",
    "no hit": "zzzz",
    "no hit, with a common word": "the zzzz",
}
# Words that each stand everywhere, and hardly ever so: every page with all of them must be looked at.
HARD: Mapping[str, str] = {"a phrase of common words that hardly occurs": '"was for the"'}
Took = Mapping[tuple[str, str], Sequence[float]]


def measure(url: str) -> tuple[Took, Took]:
    """Seconds by tenant and kind of query: of the usual ones, and of the hard ones."""
    ledger = PostgresLedger.connect(url, pool_size=1)
    measured = _timed(ledger, QUERIES, TIMES), _timed(ledger, HARD, 3)
    ledger.dispose()
    return measured


def _timed(ledger: PostgresLedger, queries: Mapping[str, str], times: int) -> Took:
    took: dict[tuple[str, str], list[float]] = {}
    for tenant in (SHORT, LONG):
        for kind, query in queries.items():
            ledger.search(tenant, query, 20, None)  # from the disk, once
            took[tenant, kind] = [_one(ledger, tenant, query) for _ in range(times)]
    return took


def _one(ledger: PostgresLedger, tenant: str, query: str) -> float:
    began = time.perf_counter()
    ledger.search(tenant, query, 20, None)
    return time.perf_counter() - began
