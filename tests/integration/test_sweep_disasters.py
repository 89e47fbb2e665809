"""Sweep in disasters: killed between any two of its steps, with a store that lists late or goes away in the middle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from docusnap import errors
from docusnap.adapters.s3 import S3Store
from docusnap.model import DocumentView, ObjectVersion, Status
from docusnap.settings import Settings
from docusnap.sweep import HEADS_AT_ONCE, Sweep

from tests.integration.test_sweep import BODY, House, house

__all__ = ["house"]


class Killed(BaseException):
    """What nothing catches, as nothing catches SIGKILL."""


class KilledAt:
    """A process that dies before the call of this number to its ledger or its store, which is after the call before that."""

    def __init__(self, call: int) -> None:
        self._calls, self._at = count(1), call

    def within(self, part: Any) -> Any:
        return _Mortal(part, self)

    def call(self, method: Callable[..., Any], *args: Any) -> Any:
        if next(self._calls) == self._at:
            raise Killed
        return method(*args)


class _Mortal:
    def __init__(self, part: Any, killed: KilledAt) -> None:
        self._part, self._killed = part, killed

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        return (lambda *args: self._killed.call(found, *args)) if callable(found) else found


class Scene:
    """One document for each of sweep's steps."""

    def __init__(self, house: House, name: str) -> None:
        self._house = house
        self.late = house.register()
        house.world.later(hours=1)
        self.removed, self.uploaded = house.register(), house.register()
        self.foreign = f"incoming/{name}.png"
        for key in (self.removed.key, self.uploaded.key, self.foreign):
            house.put(key)
        house.ledger.delete("acme", self.removed.id)

    def check(self) -> None:
        house = self._house
        assert house.status(self.uploaded) is Status.QUEUED
        assert house.status(self.late) is Status.EXPIRED
        assert house.store.head(self.removed.key) is None
        found = house.world.sql("SELECT status FROM document d JOIN revision r ON document_id = d.id WHERE key = :key", key=self.foreign)
        assert [row.status for row in found] == ["queued"]


def test_a_sweep_that_was_killed_between_any_two_calls_is_made_good_by_the_next_two(house: House) -> None:
    for call in count(1):
        scene, killed, died = Scene(house, str(call)), KilledAt(call), False
        house.world.later(seconds=30)
        try:
            Sweep(ledger=killed.within(house.ledger), store=killed.within(house.store), waker=house.wakes, settings=house.settings).run()
        except Killed:
            died = True
        house.sweep()
        house.sweep()
        scene.check()
        if not died:
            break
    assert call > 12  # it was met in each of its steps


class StoreThatListsLate(S3Store):
    """Its listing is the one of before, whatever HEAD says."""

    shown: Sequence[ObjectVersion] | None = None

    def keep(self) -> None:
        """From now on the listing stays as it is."""
        self.shown = super().list("incoming/", None, 1000)

    def list(self, prefix: str, start_after: str | None, limit: int) -> Sequence[ObjectVersion]:
        if self.shown is None:
            return super().list(prefix, start_after, limit)
        return [version for version in self.shown if version.key > (start_after or "")][:limit]


@pytest.fixture
def late(house: House) -> StoreThatListsLate:
    return StoreThatListsLate(house.settings)


def foreign(house: House) -> Sequence[DocumentView]:
    return house.ledger.documents("default", None, 20, None).items


def test_an_object_that_the_listing_misses_is_found_in_the_cycle_after_it_shows(house: House, late: StoreThatListsLate) -> None:
    house.settings = replace(house.settings, sweep_batch=2)
    for number in (1, 2, 4, 5):
        house.put(f"incoming/{number}.png")
    late.keep()
    house.put("incoming/0.png")
    house.put("incoming/3.png")
    for _ in range(3):
        house.sweep(late)
    assert len(foreign(house)) == 4
    late.shown = None
    for _ in range(4):
        house.sweep(late)
    assert sorted(document.filename for document in foreign(house)) == [f"{number}.png" for number in range(6)]


def test_an_object_that_is_listed_still_and_was_removed_is_not_adopted(house: House, late: StoreThatListsLate) -> None:
    house.put("incoming/a.png")
    late.keep()
    house.store.delete("incoming/a.png")
    assert house.sweep(late)["foreign"] == 0
    assert foreign(house) == []


def test_a_deleted_foreign_document_does_not_come_back_by_a_listing_that_still_shows_it(house: House, late: StoreThatListsLate) -> None:
    house.put("incoming/a.png")
    house.sweep(late)
    late.keep()
    (document,) = foreign(house)
    house.ledger.delete("default", document.id)
    for _ in range(4):
        house.sweep(late)
    assert (foreign(house), house.store.head("incoming/a.png")) == ([], None)


def test_an_overwritten_object_whose_old_version_is_still_listed_is_recognised_once_more_only(
    house: House, late: StoreThatListsLate
) -> None:
    house.put("incoming/a.png")
    house.sweep(late)
    late.keep()
    house.store._client.put_object(Bucket=house.store.bucket, Key="incoming/a.png", Body=b"other bytes.")
    seen = house.store.head("incoming/a.png")
    assert seen is not None
    assert house.ledger.arrive(seen).outcome == "queued"
    for _ in range(3):
        house.sweep(late)
    assert [document.newest.number for document in foreign(house)] == [2]


class StoreThatGoesAwayInTheMiddle(S3Store):
    """Answers so many HEADs, and then nothing at all until it is told to."""

    answers = 0
    asked = 0

    def head(self, key: str) -> ObjectVersion | None:
        self.asked += 1
        if self.asked > self.answers:
            raise errors.StoreUnavailable
        return super().head(key)

    def ready(self) -> bool:
        return self.asked <= self.answers


@pytest.fixture
def dying(store_settings: Settings) -> StoreThatGoesAwayInTheMiddle:
    store = StoreThatGoesAwayInTheMiddle(store_settings)
    store.answers = 3
    return store


def test_a_store_that_goes_away_in_the_middle_is_asked_no_more_and_lets_no_upload_expire(
    house: House, dying: StoreThatGoesAwayInTheMiddle
) -> None:
    documents = [house.register() for _ in range(40)]
    for document in documents[::2]:
        house.put(document.key)
    house.world.later(hours=1)  # all their URLs have run out
    found = house.sweep(dying)
    assert (found["uploads"], found["foreign"], "expired" in found) == (-1, -1, False)
    assert dying.asked <= dying.answers + HEADS_AT_ONCE
    assert Status.EXPIRED not in {house.status(document) for document in documents}
    house.sweep()
    assert [house.status(document) for document in documents] == [Status.QUEUED, Status.EXPIRED] * 20


def test_a_walk_that_the_store_broke_off_begins_again_at_the_same_place(house: House, dying: StoreThatGoesAwayInTheMiddle) -> None:
    for number in range(12):
        house.put(f"incoming/{number:02}.png")
    house.settings = replace(house.settings, sweep_batch=6)
    assert house.sweep(dying)["foreign"] == -1
    for _ in range(2):
        house.sweep()
    assert len(foreign(house)) == 12


def test_one_object_that_always_fails_while_the_store_answers_keeps_nothing(house: House) -> None:
    class StoreThatFailsOnOne(S3Store):
        def head(self, key: str) -> ObjectVersion | None:
            if key == broken.key:
                raise errors.StoreUnavailable
            return super().head(key)

    broken, uploaded, awaited = (house.register() for _ in range(3))
    house.put(uploaded.key)
    house.world.later(hours=1)
    house.sweep(StoreThatFailsOnOne(house.settings))
    assert [house.status(document) for document in (uploaded, awaited)] == [Status.QUEUED, Status.EXPIRED]


def test_a_deletion_while_the_store_is_away_is_finished_when_it_is_back(house: House) -> None:
    class StoreThatIsAway(S3Store):
        def ready(self) -> bool:
            return False

    document = house.register()
    house.put(document.key)
    house.sweep()
    house.ledger.delete("acme", document.id)
    for _ in range(3):
        house.sweep(StoreThatIsAway(house.settings))
    assert house.store.head(document.key) is not None
    house.world.later(days=3)  # it was away for long
    house.sweep()
    assert house.store.head(document.key) is None
    with pytest.raises(errors.DocumentNotFound):
        house.status(document)


def test_an_event_that_comes_again_after_the_tombstone_has_done_its_work_brings_nothing_back(house: House) -> None:
    document = house.register()
    house.put(document.key)
    seen = house.store.head(document.key)
    assert seen is not None
    house.sweep()
    house.ledger.delete("acme", document.id)
    house.world.later(days=1)
    house.sweep()
    assert house.world.sql("SELECT purged_at IS NOT NULL AS purged FROM document")[0].purged
    assert house.ledger.arrive(seen).outcome == "unknown"  # as a HEAD from before the removal would tell it
    house.sweep()
    assert house.ledger.documents("acme", None, 10, None).items == []


def test_what_is_put_long_after_a_deletion_is_nobodys(house: House) -> None:
    document = house.register()
    house.ledger.delete("acme", document.id)
    house.world.later(days=1)
    house.sweep()
    ticket = house.store.presign_put(document.key, "image/png", len(BODY), timedelta(minutes=5))
    assert ticket.method == "PUT"
    house.put(document.key)
    seen = house.store.head(document.key)
    assert seen is not None
    assert house.ledger.arrive(seen).outcome == "unknown"
