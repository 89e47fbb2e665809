"""Mistakes put into the ledger on purpose: into one of its statements on the way to the database, or into one of its decisions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from docusnap import ledger
from docusnap.ledger import Known, Step
from docusnap.model import ObjectVersion, Status

from tests.simulation.wire import Rewrite

FENCE = " AND work.attempt = %(of_attempt)s"
STATE = " AND work.state = %(state_1)s"


@dataclass(frozen=True)
class Mutation:
    name: str
    rewrite: Rewrite | None = None
    decision: tuple[str, Callable[..., object]] | None = None  # a function of docusnap.ledger by its name, and what stands in its place
    found_by: int = 0  # the seed of the first schedule that ended badly, when it was measured

    @contextmanager
    def at_work(self) -> Iterator[Rewrite | None]:
        if self.decision is None:
            yield self.rewrite
            return
        name, other = self.decision
        real = getattr(ledger, name)
        setattr(ledger, name, other)
        try:
            yield self.rewrite
        finally:
            setattr(ledger, name, real)


class Swap:
    """In statements with `sign`, `old` (a pattern) becomes `new`. A test asks afterwards whether there was such a statement at all."""

    def __init__(self, sign: str, old: str, new: str | Callable[[re.Match[str]], str]) -> None:
        self._sign, self._old, self._new = sign, old, new
        self.made = 0

    def __call__(self, statement: str) -> str:
        if self._sign not in statement:
            return statement
        new = self._new if callable(self._new) else lambda _: str(self._new)
        changed, count = re.subn(self._old, new, statement, flags=re.DOTALL)
        self.made += count
        return changed


def _without(sign: str, part: str) -> Swap:
    return Swap(sign, re.escape(part), "")


ENDED = "UPDATE work SET state=%(state)s, due_at=%(due_at)s"
DUE_AGAIN = "UPDATE work SET state=%(state)s, due_at=(now() + %(again_in)s)"

# Every statement of a worker, by how it begins up to its WHERE.
FENCED = {
    "split": f"{ENDED} WHERE",
    "finish": f"{ENDED}, error=NULL WHERE",
    "fail": f"{ENDED}, failures=(work.failures + %(reported)s), error=%(problem)s::JSON, rejected=%(for_good)s WHERE",
    "retry": f"{DUE_AGAIN}, failures=(work.failures + %(failures_1)s), error=%(problem)s::JSON WHERE",
    "hand_over": f"{DUE_AGAIN} WHERE",
}

_real = {name: getattr(ledger, name) for name in ("takes_over", "on_arrival")}


def _always_takes_over(*_given: object, **_more: object) -> bool:
    return True


def _fragments_take_over(finished: Status, served: Status, *, superseded: bool = False, served_pages: int = 0) -> object:
    return _real["takes_over"](finished, served)


def _knows_no_duplicate(seen: ObjectVersion, known: Known | None) -> object:
    step = _real["on_arrival"](seen, known)
    return Step.RENEW if step is Step.DUPLICATE and known is not None and known.foreign else step


def _late_is_lost(seen: ObjectVersion, known: Known | None) -> object:
    return Step.IGNORE if known is not None and known.status is Status.EXPIRED else _real["on_arrival"](seen, known)


def _cancelled_is_queued(seen: ObjectVersion, known: Known | None) -> object:
    step = _real["on_arrival"](seen, known)
    return Step.QUEUE if step is Step.NOTE else step


LOST = "CASE WHEN (work.state = 'processing') THEN 1 ELSE 0 END"

RETENTION = {"NOT (EXISTS": "NOT (false AND EXISTS", "revision.finished_at <= now()": "revision.finished_at <= now() + interval '99 years'"}

_ALL = (
    *(Mutation(f"{name} without the fence", _without(sign, FENCE)) for name, sign in FENCED.items()),
    *(Mutation(f"{name} in any state", _without(sign, STATE)) for name, sign in FENCED.items()),
    Mutation(
        "a claim does not raise the attempt", Swap("AS turn", re.escape("attempt=(work.attempt + %(attempt_1)s)"), "attempt=work.attempt")
    ),
    Mutation("a claim takes what is leased", Swap("AS turn", re.escape("work.due_at <= now()"), "work.due_at IS NOT NULL")),
    Mutation("a lost lease counts as a failure", Swap("AS turn", re.escape("lost=("), f"failures=(work.failures + {LOST}), lost=(")),
    Mutation("a hand-over counts as a failure", Swap(FENCED["hand_over"], " WHERE", ", failures=work.failures + 1 WHERE")),
    Mutation("every revision takes over", decision=("takes_over", _always_takes_over)),
    Mutation("a fragment takes over", decision=("takes_over", _fragments_take_over)),
    Mutation("a duplicate is not recognised", decision=("on_arrival", _knows_no_duplicate)),
    Mutation("an upload after expiry is ignored", decision=("on_arrival", _late_is_lost)),
    Mutation("an upload after cancel is queued", decision=("on_arrival", _cancelled_is_queued)),
    Mutation("cancel leaves the work", Swap("attempt=(work.attempt + %(attempt_1)s) WHERE", " WHERE", " WHERE false AND")),
    Mutation("an expired upload is looked for no more", Swap("UPDATE document SET look_at=(now()", r"\(now\(\) \+ %\(now_1\)s\)", "NULL")),
    Mutation(
        "a tombstone is purged at once",
        Swap("UPDATE document SET look_at=CASE", r"look_at=CASE.*? END, purged_at=CASE.*? END", "look_at=NULL, purged_at=now()"),
    ),
    Mutation("DELETE leaves the revisions", Swap("DELETE FROM revision", " WHERE", " WHERE false AND")),
    Mutation("texts of older revisions stay", Swap("DELETE FROM page_content", " WHERE page_content", " WHERE false AND page_content")),
    Mutation("the walk through the bucket never goes on", Swap("INSERT INTO sweep_cursor", re.escape("%(value)s"), "NULL")),
    Mutation(
        "the walk never begins anew",
        Swap("INSERT INTO sweep_cursor", "SET value = excluded.value", "SET value = coalesce(excluded.value, sweep_cursor.value)"),
    ),
    Mutation("retention does not see a later revision", Swap("later.finished_at", re.escape("NOT (EXISTS"), "NOT (false AND EXISTS")),
    Mutation(
        "retention buries what is young",
        Swap("later.finished_at", r"(NOT \(EXISTS|revision\.finished_at <= now\(\))", lambda it: RETENTION[it[0]]),
    ),
    Mutation("redrive keeps the failures", Swap("lost=%(lost)s", re.escape("failures=%(failures)s, "), "")),
    Mutation("redrive takes up what was rejected", _without("lost=%(lost)s", " AND NOT work.rejected")),
    Mutation("a letter that was redriven stays on the list", Swap("SET status=CASE", re.escape("dead_code=%(dead_code)s, "), "")),
    Mutation(
        "a removed object comes back by a HEAD from before",
        Swap("AND document.purged_at > now()", "document.purged_at > now", "false AND document.purged_at > now"),
    ),
)

# A seed that found each, which CI plays first; measured anew whenever schedules change.
FOUND = {
    "split without the fence": 8,
    "finish without the fence": 3,
    "fail without the fence": 27,
    "retry without the fence": 45,
    "hand_over without the fence": 12,
    "split in any state": 8,
    "finish in any state": 1,
    "fail in any state": 3,
    "retry in any state": 5,
    "hand_over in any state": 20,
    "a claim does not raise the attempt": 0,
    "a claim takes what is leased": 0,
    "a lost lease counts as a failure": 2,
    "a hand-over counts as a failure": 20,
    "every revision takes over": 7,
    "a fragment takes over": 7,
    "a duplicate is not recognised": 6,
    "an upload after expiry is ignored": 15,
    "an upload after cancel is queued": 14,
    "cancel leaves the work": 2,
    "an expired upload is looked for no more": 15,
    "a tombstone is purged at once": 13,
    "DELETE leaves the revisions": 3,
    "texts of older revisions stay": 1,
    "the walk through the bucket never goes on": 3,
    "the walk never begins anew": 3,
    "retention does not see a later revision": 36,
    "retention buries what is young": 1,
    "redrive keeps the failures": 1,
    "redrive takes up what was rejected": 161,
    "a letter that was redriven stays on the list": 1,
    "a removed object comes back by a HEAD from before": 10,
}
MUTATIONS = tuple(replace(mutation, found_by=FOUND[mutation.name]) for mutation in _ALL)
