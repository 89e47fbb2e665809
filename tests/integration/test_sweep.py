"""Sweep on the real ledger and store: what no event brought is found, and what was deleted is removed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
import requests
from docusnap import errors
from docusnap.adapters.postgres.ledger import PostgresLedger
from docusnap.adapters.s3 import S3Store
from docusnap.model import DocumentView, ObjectVersion, Status, UploadRequest
from docusnap.settings import Settings
from docusnap.sweep import Sweep

from tests.contract.ledger.world import World

BODY = b"twelve bytes"
SOON = timedelta(minutes=5)


@dataclass
class Wakes:
    sent: int = 0

    def wake(self, count: int = 1) -> None:
        self.sent += count


class StoreThatCannotList(S3Store):
    def list(self, prefix: str, start_after: str | None, limit: int) -> list[object]:  # type: ignore[override]
        raise errors.StoreUnavailable


class StoreThatKeepsOne(S3Store):
    """Refuses to remove the first object it is asked to."""

    kept: str | None = None

    def delete(self, key: str) -> None:
        self.kept = self.kept or key
        if key == self.kept:
            raise errors.StoreDenied
        super().delete(key)


class House:
    """A store and a ledger that no event connects."""

    def __init__(self, ledger: PostgresLedger, url: str, settings: Settings) -> None:
        self.ledger, self.settings, self.store = ledger, settings, S3Store(settings)
        self.world, self.wakes = World(ledger, url), Wakes()

    def sweep(self, store: S3Store | None = None) -> dict[str, int]:
        self.world.later(seconds=30)
        return Sweep(ledger=self.ledger, store=store or self.store, waker=self.wakes, settings=self.settings).run()

    def register(self) -> DocumentView:
        request = UploadRequest("a.png", "image/png", size=len(BODY), method="PUT")
        return self.ledger.register("acme", self.settings.s3_bucket, request, SOON, None).document

    def put(self, key: str) -> None:
        ticket = self.store.presign_put(key, "image/png", len(BODY), SOON)
        requests.put(ticket.url, data=BODY, headers=dict(ticket.headers or {}), timeout=10).raise_for_status()

    def status(self, document: DocumentView) -> Status:
        return self.ledger.document("acme", document.id).served.status


@pytest.fixture
def house(ledger: PostgresLedger, database_url: str, store_settings: Settings) -> House:
    ledger.create_key("acme", ())
    return House(ledger, database_url, store_settings)


def test_an_upload_whose_event_was_lost_is_queued_and_woken(house: House) -> None:
    uploaded, awaited = house.register(), house.register()
    house.put(uploaded.key)
    assert house.sweep()["uploads"] == 1
    assert (house.status(uploaded), house.status(awaited)) == (Status.QUEUED, Status.AWAITING_UPLOAD)
    assert house.wakes.sent == 1
    assert house.sweep()["uploads"] == 0


def test_what_is_not_uploaded_in_time_expires_and_is_queued_when_it_comes_late(house: House) -> None:
    document = house.register()
    house.world.later(hours=1)
    house.sweep()
    house.sweep()
    assert house.status(document) is Status.EXPIRED
    house.put(document.key)
    for _ in range(3):
        house.world.later(hours=1)
        house.sweep()
    assert house.status(document) is Status.QUEUED


def test_foreign_objects_are_adopted_batch_by_batch_and_once(house: House) -> None:
    for number in range(5):
        house.put(f"incoming/{number}.png")
    house.settings = replace(house.settings, sweep_batch=2)
    assert [house.sweep()["foreign"] for _ in range(6)] == [2, 2, 1, 0, 0, 0]
    listed = house.ledger.documents("default", None, 20, None).items
    assert sorted(document.filename for document in listed) == [f"{number}.png" for number in range(5)]


def test_the_object_of_a_deleted_document_is_removed_and_what_arrives_late_too(house: House) -> None:
    document = house.register()
    house.put(document.key)
    house.sweep()
    house.ledger.delete("acme", document.id)
    house.sweep()
    assert house.store.head(document.key) is None
    house.put(document.key)
    for _ in range(3):
        house.world.later(hours=1)
        house.sweep()
    assert house.store.head(document.key) is None
    with pytest.raises(errors.DocumentNotFound):
        house.status(document)


def test_documents_are_deleted_when_their_retention_has_passed(house: House) -> None:
    house.settings = replace(house.settings, retention_days=1.0)
    document = house.register()
    house.put(document.key)
    house.sweep()
    house.ledger.cancel("acme", document.id)
    assert house.sweep()["retired"] == 0
    house.world.later(days=2)
    house.sweep()
    house.sweep()
    assert house.store.head(document.key) is None


def test_one_step_that_fails_does_not_keep_the_others_from_running(house: House) -> None:
    document = house.register()
    house.put(document.key)
    found = house.sweep(StoreThatCannotList(house.settings))
    assert found["foreign"] == -1
    assert house.status(document) is Status.QUEUED


def test_one_object_that_cannot_be_removed_does_not_keep_the_others(house: House) -> None:
    documents = [house.register() for _ in range(3)]
    for document in documents:
        house.put(document.key)
    house.sweep()
    for document in documents:
        house.ledger.delete("acme", document.id)
    house.sweep(StoreThatKeepsOne(house.settings))
    assert sum(house.store.head(document.key) is not None for document in documents) == 1
    house.sweep()
    assert sum(house.store.head(document.key) is not None for document in documents) == 0


class StoreThatDeniesOne(S3Store):
    """Refuses to tell anything about `incoming/1.png`."""

    def head(self, key: str) -> ObjectVersion | None:
        if key == "incoming/1.png":
            raise errors.StoreDenied
        return super().head(key)


class StoreThatIsAway(S3Store):
    def ready(self) -> bool:
        return False


def test_one_object_that_may_not_be_looked_at_does_not_keep_the_walk(house: House) -> None:
    for number in range(4):
        house.put(f"incoming/{number}.png")
    house.settings = replace(house.settings, sweep_batch=2)
    assert [house.sweep(StoreThatDeniesOne(house.settings))["foreign"] for _ in range(3)] == [1, 2, 0]


def test_a_store_that_is_away_lets_no_upload_expire(house: House) -> None:
    document = house.register()
    house.put(document.key)
    house.world.later(hours=1)
    for _ in range(3):
        house.sweep(StoreThatIsAway(house.settings))
    assert house.status(document) is Status.AWAITING_UPLOAD
    house.sweep()
    assert house.status(document) is Status.QUEUED
