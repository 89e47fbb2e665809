"""Turns at the recogniser: between tenants as in the ledger, within one in order, and nobody waits for ever."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event

import pytest
from docusnap import errors
from docusnap.ocr.turns import REMEMBERED, Turns

from tests.support.waiting import eventually


@dataclass
class Bell:
    """A clock that says stop once it was rung."""

    rung: Event = field(default_factory=Event)

    def remaining(self) -> float:
        return 60.0

    def stopping(self) -> bool:
        return self.rung.is_set()


class Queue:
    """A recogniser that is busy until the block ends, and those who come meanwhile."""

    def __init__(self, turns: Turns, pool: ThreadPoolExecutor) -> None:
        self._turns, self._pool = turns, pool
        self.served: list[str] = []

    def come(self, tenant: str, name: str | None = None) -> Future[None]:
        """Return when it waits."""
        before = self._turns.waiting
        done = self._pool.submit(self._wait, tenant, name or tenant)
        eventually(lambda: self._turns.waiting > before, f"{tenant} waits", 10)
        return done

    def _wait(self, tenant: str, name: str) -> None:
        with self._turns.of(tenant, Bell()):
            self.served.append(name)


@contextmanager
def busy(turns: Turns, tenant: str) -> Iterator[Queue]:
    with ThreadPoolExecutor(8) as pool:
        queue = Queue(turns, pool)
        with turns.of(tenant, Bell()):
            yield queue


def test_a_page_goes_before_those_of_a_tenant_who_has_just_been_served() -> None:
    with busy(Turns(), "acme") as queue:
        for tenant in ("acme", "acme", "acme", "zenith"):
            queue.come(tenant)
    assert queue.served == ["zenith", "acme", "acme", "acme"]


def test_tenants_take_turns_and_within_one_it_goes_in_order() -> None:
    with busy(Turns(), "other") as queue:
        for number in range(3):
            queue.come("acme", f"acme {number}")
        for number in range(3):
            queue.come("zenith", f"zenith {number}")
    assert queue.served == ["acme 0", "zenith 0", "acme 1", "zenith 1", "acme 2", "zenith 2"]


def test_one_tenant_alone_goes_on_at_once() -> None:
    turns = Turns(seconds=0)
    for _ in range(2 * REMEMBERED):
        with turns.of("acme", Bell()):
            assert turns.waiting == 0


def test_what_is_remembered_is_bounded() -> None:
    turns = Turns()
    for number in range(2 * REMEMBERED):
        with turns.of(str(number), Bell()):
            pass
    assert len(turns._served) == REMEMBERED


def test_a_turn_that_ends_in_an_error_lets_the_next_in() -> None:
    turns = Turns()
    with pytest.raises(ZeroDivisionError), turns.of("acme", Bell()):
        raise ZeroDivisionError
    with turns.of("zenith", Bell()):
        assert turns.waiting == 0


def test_who_waits_too_long_is_told_so_and_does_not_keep_the_others() -> None:
    turns = Turns(seconds=0)
    with busy(turns, "acme") as queue:
        with pytest.raises(errors.EngineBusy), turns.of("zenith", Bell()):
            raise AssertionError("it was not free")
        turns._seconds = 60
        queue.come("acme")
    assert queue.served == ["acme"]


def test_who_is_told_to_stop_does_not_wait_for_a_turn() -> None:
    turns, bell = Turns(), Bell()
    with busy(turns, "acme"):
        bell.rung.set()
        with pytest.raises(errors.Interrupted), turns.of("zenith", bell):
            raise AssertionError("it was not free")
    assert turns.waiting == 0
