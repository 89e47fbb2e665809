"""The database goes away and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import psycopg2
import pytest
import sqlalchemy as sa
from docusnap.adapters.postgres import intake
from docusnap.adapters.postgres.database import Database
from docusnap.adapters.postgres.ledger import PostgresLedger
from docusnap.adapters.postgres.question import Message, Question
from docusnap.errors import DatabaseUnavailable
from docusnap.model import Scope, Status

from tests.contract.ledger.world import ENGINE, World, at_once

OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


def test_a_ledger_connects_only_when_it_is_asked() -> None:
    ledger = PostgresLedger.connect("postgresql+psycopg2://docusnap@/docusnap?host=/nonexistent")
    with pytest.raises(DatabaseUnavailable):
        ledger.document("acme", "f" * 32)


def test_a_read_on_a_connection_that_died_meanwhile_is_made_again(world: World) -> None:
    document = world.register()
    world.sql(OTHERS)
    assert world.see(document) == document


def test_a_key_is_looked_up_again_where_the_connection_died_meanwhile(world: World) -> None:
    secret = world.ledger.create_key("acme", [Scope.USER])
    caller = world.ledger.authenticate(secret)
    world.sql(OTHERS)
    assert world.ledger.authenticate(secret) == caller
    assert caller is not None


class ToldToStop:
    """A value at which a worker is told to stop, in the middle of a question."""

    def __conform__(self, _protocol: object) -> None:
        raise SystemExit


def test_questions_that_are_broken_off_leave_connections_for_the_next(database_url: str) -> None:
    database = Database(database_url, 1, patience=0.1)
    question = Question(sa.select(sa.bindparam("value", type_=sa.String).label("value")))
    for _ in range(3):  # more than there are connections
        with pytest.raises(SystemExit):
            question.ask(database, {"value": ToldToStop()})
    assert question.ask(database, {"value": "here"})[0].value == "here"
    database.dispose()


def test_a_write_on_a_connection_that_died_meanwhile_is_made_once(world: World) -> None:
    world.register()
    world.sql(OTHERS)
    world.register()
    assert world.count("document") == 2


def test_a_claim_on_a_connection_that_died_meanwhile_is_made_again(world: World) -> None:
    document = world.upload()
    world.sql(OTHERS)
    assert world.claim().document_id == document.id


def test_an_arrival_on_a_connection_that_died_meanwhile_is_recorded_once(world: World) -> None:
    document = world.register()
    world.see(document)
    world.sql(OTHERS)
    assert world.put(document.key) == "queued"
    assert world.put(document.key) == "duplicate"
    assert world.count("work") == 1


def test_an_arrival_whose_connection_dies_before_it_is_kept_is_told_as_an_outage(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    document = world.register()
    with monkeypatch.context() as patched:
        patched.setattr(intake, "KEEP", Message("SELECT pg_terminate_backend(pg_backend_pid())", "COMMIT"))
        with pytest.raises(DatabaseUnavailable):
            world.put(document.key)
    assert world.count("work") == 0
    assert world.put(document.key) == "queued"
    assert world.count("work") == 1


class AnswerLost:
    """A message that was kept, and whose answer never came: no server can be told to do just that."""

    def __init__(self, message: Message) -> None:
        self._message = message

    def tell(self, cursor: Any, values: Any) -> None:
        self._message.tell(cursor, values)
        raise psycopg2.OperationalError("server closed the connection unexpectedly")


def test_an_arrival_whose_answer_is_lost_is_told_as_an_outage_and_again_as_a_duplicate(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = world.register()
    with monkeypatch.context() as patched:
        patched.setattr(intake, "KEEP", AnswerLost(intake.KEEP))
        with pytest.raises(DatabaseUnavailable):
            world.put(document.key)
    assert world.put(document.key) == "duplicate"
    assert world.count("work") == 1


def test_a_message_has_one_value_for_each_name() -> None:
    one, other = (sa.select(sa.literal(value).label("value")) for value in ("a", "b"))
    with pytest.raises(ValueError, match="two values"):
        Message(one, other)


@contextmanager
def gone_after(statement: str, server: str, database: str) -> Iterator[None]:
    """The database goes away right after the first statement with these words, and is back when the block ends."""
    engine = sa.create_engine(server, poolclass=sa.pool.NullPool, isolation_level="AUTOCOMMIT")
    name = sa.make_url(database).database
    seen: list[str] = []

    def watch(_connection: sa.Connection, _cursor: Any, text: str, *_more: Any) -> None:
        if statement in text and not seen:
            seen.append(text)
            with engine.connect() as maintenance:
                maintenance.execute(sa.text(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false"))
                maintenance.execute(sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"), {"name": name})

    sa.event.listen(sa.Engine, "after_cursor_execute", watch)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "after_cursor_execute", watch)
        with engine.connect() as maintenance:
            maintenance.execute(sa.text(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true"))
    assert seen


def test_a_lease_is_not_wasted_when_the_database_goes_away_before_its_revision_is_marked(postgres_url: str, database_copy_url: str) -> None:
    ledger = PostgresLedger.connect(database_copy_url)
    ledger.create_key("acme", [])
    world = World(ledger, database_copy_url)
    document = world.upload()
    with gone_after("SKIP LOCKED", postgres_url, database_copy_url):
        work = world.claim()
        with pytest.raises(DatabaseUnavailable):
            world.see(document)
    assert ledger.split(work, 1, ENGINE)
    world.finish("text")
    assert world.see(document).served.status is Status.SUCCEEDED
    ledger.dispose()


def test_a_connection_that_dies_between_two_statements_of_a_write_costs_nothing(world: World, database_url: str) -> None:
    database, runs = Database(database_url, 1), []

    def job(connection: sa.Connection) -> None:
        connection.execute(sa.text("INSERT INTO tenant (id) VALUES ('newcomer')"))
        runs.append(1)
        if len(runs) == 1:
            world.sql(OTHERS)
        connection.execute(sa.text("INSERT INTO sweep_cursor (name) VALUES ('x')"))

    database.write(job)
    assert (len(runs), len(world.sql("SELECT 1 FROM tenant WHERE id = 'newcomer'"))) == (2, 1)
    database.dispose()


def test_a_connection_that_dies_within_a_snapshot_costs_nothing(world: World, database_url: str) -> None:
    database, runs = Database(database_url, 1), []

    def job(connection: sa.Connection) -> int:
        runs.append(1)
        if len(runs) == 1:
            world.sql(OTHERS)
        return connection.execute(sa.text("SELECT 7")).scalar_one()

    assert (database.read_snapshot(job), len(runs)) == (7, 2)
    database.dispose()


def test_a_snapshot_that_was_interrupted_is_not_what_the_next_reader_sees(world: World, database_url: str) -> None:
    database = Database(database_url, 1)
    count = sa.text("SELECT count(*) FROM document")

    def job(connection: sa.Connection) -> None:
        connection.execute(count)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        database.read_snapshot(job)
    world.register()
    assert database.read(lambda connection: connection.execute(count).scalar_one()) == 1
    database.dispose()


def test_what_goes_wrong_in_a_statement_is_told_without_its_values(database_url: str) -> None:
    database = Database(database_url, 1)
    with pytest.raises(sa.exc.DBAPIError) as caught:
        database.write(lambda connection: connection.execute(sa.text("INSERT INTO nowhere VALUES (:text)"), {"text": "a page's text"}))
    assert "a page's text" not in str(caught.value)
    database.dispose()


def test_a_write_that_met_a_deadlock_is_made_again(world: World, database_url: str) -> None:
    database = Database(database_url, 2)
    met = {"acme": Event(), "zenith": Event()}

    def touch(first: str, second: str) -> None:
        def job(connection: sa.Connection) -> None:
            update = sa.text("UPDATE tenant SET served_at = now() WHERE id = :id")
            connection.execute(update, {"id": first})
            met[first].set()
            met[second].wait()
            connection.execute(update, {"id": second})

        database.write(job)

    at_once([lambda: touch("acme", "zenith"), lambda: touch("zenith", "acme")])
    assert all(row.served_at for row in world.sql("SELECT served_at FROM tenant"))
    database.dispose()


def test_a_mistake_in_a_statement_is_not_taken_for_an_outage(database_url: str) -> None:
    database = Database(database_url, 1)
    with pytest.raises(sa.exc.ProgrammingError):
        database.read(lambda connection: connection.execute(sa.text("SELECT no_such_column FROM tenant")))
    with pytest.raises(sa.exc.OperationalError, match="too long for tsvector"):
        database.read(
            lambda connection: connection.execute(sa.text("SELECT to_tsvector(string_agg(n::text, ' ')) FROM generate_series(1, 300000) n"))
        )
    database.dispose()


def test_a_pool_that_has_no_connection_left_is_unavailable_not_endless(database_url: str) -> None:
    database = Database(database_url, 1, patience=0.1)

    def nested(depth: int) -> None:
        database.read(lambda _: nested(depth - 1) if depth else None)

    nested(1)
    with pytest.raises(DatabaseUnavailable):
        nested(2)
    database.dispose()


def test_what_a_failed_write_had_done_is_undone(world: World, database_url: str) -> None:
    database = Database(database_url, 1)

    def job(connection: sa.Connection) -> None:
        connection.execute(sa.text("INSERT INTO tenant (id) VALUES ('newcomer')"))
        raise LookupError

    with pytest.raises(LookupError):
        database.write(job)
    database.read(lambda connection: connection.execute(sa.text("SELECT 1")))
    assert world.sql("SELECT 1 FROM tenant WHERE id = 'newcomer'") == []
    database.dispose()
