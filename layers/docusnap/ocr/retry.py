"""How long to wait before work is tried again: exponential, with jitter, bounded."""

from __future__ import annotations

import random
from datetime import timedelta

LONGEST = timedelta(minutes=5)
NOW = timedelta(0)


def after_failure(failures: int) -> timedelta:
    """Delay after the nth counted failure (n from 1): about 5 s, 20 s, 80 s, …"""
    return _jittered(5.0 * 4.0 ** min(failures - 1, 8))


def after_outage(attempt: int) -> timedelta:
    """Delay while a part of the system is away (attempt from 1): about 2 s, 4 s, 8 s, …: an outage of seconds costs seconds."""
    return _jittered(2.0 ** min(attempt, 10))


def for_a_turn() -> timedelta:
    """Delay while the recogniser is busy with other pages: about 2 s, however often."""
    return _jittered(2.0)


def _jittered(seconds: float) -> timedelta:
    spread = random.uniform(0.8, 1.2)  # noqa: S311  jitter is no secret
    return min(timedelta(seconds=seconds * spread), LONGEST)
