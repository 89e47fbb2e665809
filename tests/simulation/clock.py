"""The simulated time, which is the database's and the store's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

# After every real present: what a client is told of its URL reckons with this machine's clock, and gets the whole lifetime.
BEGIN = datetime(2100, 1, 1, tzinfo=UTC)
TICK = timedelta(milliseconds=1)


class Clock:
    def __init__(self) -> None:
        self.now = BEGIN

    def tick(self) -> None:
        """No two calls happen at one moment, so that what is ordered by time has one order."""
        self.now += TICK

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @property
    def seconds(self) -> float:
        """Since the begin."""
        return (self.now - BEGIN).total_seconds()
