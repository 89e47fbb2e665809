"""The table of faults and outcomes, worked out from the flight recorder; REPORT=1 keeps it in docs/reliability.md."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.acceptance.homes.base import ROOT
from tests.chaos.flight import Change, Lease, leases

DOCUMENT = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- begin: make test-chaos REPORT=1 -->", "<!-- end -->"
OUTLIVES = 1.5  # seconds that a worker process goes on after its master was killed; a new one takes longer to start
COLUMNS = (
    "fault",
    "at, s",
    "in flight",
    "work went on after, s",
    "API away, s",
    "what became of the leases in flight",
    "requests sent again",
)


@dataclass(frozen=True, slots=True)
class Event:
    """A fault as it happened."""

    name: str
    began: float
    ended: float
    went_on: float | None  # when the first work that was claimed after its end was done
    uploads: int  # under way when it began
    api_away: float
    repeats: int
    writer: str = ""  # whose leases it concerned
    kills_worker: bool = False


def row(event: Event, events: Sequence[Event], began: float, all_leases: Sequence[Lease]) -> Sequence[str]:
    held = in_flight(event, events, all_leases)
    outcomes = Counter(lease.outcome for lease in held)
    return (
        event.name,
        f"{event.began - began:.0f}",
        f"{_count(len(held), 'lease')}, {_count(event.uploads, 'upload')}",
        "–" if event.went_on is None else f"{event.went_on - event.began:.1f}",
        f"{event.api_away:.1f}" if event.api_away else "0",
        ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items())) or "–",
        f"{event.repeats}",
    )


def in_flight(event: Event, events: Sequence[Event], all_leases: Sequence[Lease]) -> Sequence[Lease]:
    """The leases that were held when it began, less those of workers that were dead by then."""
    dead = max(
        (other.began + OUTLIVES for other in events if other.kills_worker and other.began < event.began and not event.writer), default=0.0
    )
    return [
        lease for lease in all_leases if lease.claimed.writer == event.writer and lease.claimed.at > dead and lease.open_at(event.began)
    ]


def table(events: Sequence[Event], changes: Sequence[Change], began: float, title: str, note: str) -> str:
    held = leases(changes)
    rows = [row(event, events, began, held) for event in sorted(events, key=lambda event: event.began)]
    lines = [f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS), *(f"| {' | '.join(cells)} |" for cells in rows)]
    return "\n".join([f"{title}, {_summary(changes, held, began)} {note}", "", *lines])


def _summary(changes: Sequence[Change], held: Sequence[Lease], began: float) -> str:
    units = len({(change.revision, change.page) for change in changes})
    became = Counter(lease.outcome for lease in held)
    return (
        f"{units} units of work (splits and pages), each done once. Of {len(held)} claims {became['lost']} were lost with their worker, "
        f"{became['again']} failed and were tried again, {became['handed over']} were handed over while a part was away. "
        f"The last page was done {max(change.at for change in changes) - began:.0f} s after the first upload began."
    )


def keep(text: str) -> None:
    """Write it into the document, where that was asked for."""
    if os.environ.get("REPORT"):
        written = DOCUMENT.read_text("utf-8")
        between = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
        DOCUMENT.write_text(between.sub(lambda _: f"{BEGIN}\n{text}\n{END}", written), "utf-8")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
