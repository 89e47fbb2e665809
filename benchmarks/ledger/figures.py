"""Numbers of many measurements."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence


def percentile(found: Sequence[float], share: float) -> float:
    """The nearest rank: a value that was measured. Not a number of none."""
    return sorted(found)[max(0, math.ceil(share * len(found)) - 1)] if found else math.nan


def median(found: Sequence[float]) -> float:
    return statistics.median(found) if found else math.nan


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
