"""Doing what was decided, until the store is as it should be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from docusnap.errors import StoreUnavailable
from docusnap.provision.plan import Change, Found, Note, Plan, Step, Wanted, plan

ROUNDS = 4  # somebody else may write the same document between our reading and our writing


class NotOffered(Exception):  # from an adapter to `prepare`, never further
    """The store cannot do this; the message says what to do instead."""

    def __init__(self, text: str, *, blocks: bool = False) -> None:
        super().__init__(text)
        self.note = Note(text, blocks)


class Preparable(Protocol):
    """A store of one kind. Every call may raise StoreUnavailable, StoreDenied or ConfigurationError."""

    def find(self) -> Found:
        """What is there now; changes nothing."""
        ...

    def perform(self, change: Change) -> None:
        """Do one change. Raises: NotOffered."""
        ...


def prepare(store: Preparable, wanted: Wanted, *, dry_run: bool, say: Callable[[str], None]) -> tuple[Found, Sequence[Note]]:
    """Bring the store to what is wanted, telling each change; what was found at last, and what the operator should know.

    Raises: StoreUnavailable also where somebody else undoes the changes again and again.
    """
    refused: dict[Step, Note] = {}
    changed = False
    for _ in range(ROUNDS):
        found = store.find()
        decided = _without(plan(wanted, found), refused)
        if dry_run or not decided.changes:
            _tell_dry(decided.changes, say)
            if not changed and not decided.changes and not refused:
                say("Nothing to change.")
            return found, [*decided.notes, *refused.values()]
        for change in decided.changes:
            changed |= _perform(store, change, refused, say)
    raise StoreUnavailable("Somebody else changes the same settings of the store at the same time.")


def _without(decided: Plan, refused: dict[Step, Note]) -> Plan:
    return Plan([change for change in decided.changes if change.step not in refused], decided.notes)


def _tell_dry(changes: Sequence[Change], say: Callable[[str], None]) -> None:
    for change in changes:
        say(f"would {change.says}")


def _perform(store: Preparable, change: Change, refused: dict[Step, Note], say: Callable[[str], None]) -> bool:
    try:
        store.perform(change)
    except NotOffered as exc:
        refused[change.step] = exc.note
        return False
    say(f"{change.says}: done")
    return True
