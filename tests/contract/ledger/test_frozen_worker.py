"""A worker that stands still in the middle of a write (a paused machine, a cut cable) holds the row locks of its document."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from docusnap.adapters.postgres.database import Database
from docusnap.adapters.postgres.ledger import PostgresLedger
from docusnap.migrations import migrate

from tests.contract.ledger.world import World, page_of

TOLD = "SELECT current_setting('idle_in_transaction_session_timeout')"
SOON = "ALTER ROLE CURRENT_USER IN DATABASE {} SET idle_in_transaction_session_timeout = '{}'"


@pytest.fixture
def world(database_copy_url: str) -> Iterator[World]:
    """A ledger of this test's own, migrated; PostgreSQL's patience is then told to be a tenth of a second."""
    migrate(database_copy_url)
    migrated = World(PostgresLedger.connect(database_copy_url), database_copy_url)
    assert migrated.sql(TOLD) == [("30s",)]
    name = sa.make_url(database_copy_url).database
    migrated.sql(SOON.format(name, "100ms"))
    migrated._engine.dispose()  # a session learns it when it begins
    migrated.ledger.dispose()
    yield migrated
    migrated.ledger.dispose()
    migrated._engine.dispose()


def test_a_frozen_worker_does_not_keep_others_from_the_pages_of_its_document(world: World) -> None:
    world.ledger.create_key("acme", [])
    document = world.upload()
    world.split(2)
    work = world.claim()
    with world._engine.connect() as frozen, ThreadPoolExecutor(1) as other:
        frozen.execute(sa.text("SELECT 1 FROM document WHERE id = :id FOR UPDATE"), {"id": document.id})
        finished = other.submit(world.ledger.finish, work, page_of(work.page, "text"))
        try:
            assert finished.result(timeout=30)
        finally:
            frozen.invalidate()


def test_a_worker_that_thaws_in_the_middle_of_a_write_makes_it_again(world: World, database_copy_url: str) -> None:
    database, runs = Database(database_copy_url, 1), []

    def job(connection: sa.Connection) -> None:
        connection.execute(sa.text("INSERT INTO tenant (id) VALUES ('newcomer')"))
        runs.append(1)
        if len(runs) == 1:
            time.sleep(0.5)
        connection.execute(sa.text("INSERT INTO sweep_cursor (name) VALUES ('x')"))

    database.write(job)
    assert (len(runs), world.sql("SELECT id FROM tenant WHERE id = 'newcomer'")) == (2, [("newcomer",)])
    database.dispose()


def test_what_the_operator_has_set_is_left(database_copy_url: str) -> None:
    operated = World(PostgresLedger.connect(database_copy_url), database_copy_url)
    operated.sql(SOON.format(sa.make_url(database_copy_url).database, "7s"))
    migrate(database_copy_url)
    operated._engine.dispose()
    assert operated.sql(TOLD) == [("7s",)]
    operated._engine.dispose()
