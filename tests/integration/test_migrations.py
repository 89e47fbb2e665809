"""The migrations build what the schema says, whoever runs them, and however often."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from docusnap.adapters.postgres import schema
from docusnap.adapters.postgres.ledger import PostgresLedger
from docusnap.errors import DatabaseUnavailable, SchemaOutdated
from docusnap.migrations import configuration, migrate
from docusnap.model import Scope

COLUMNS = """
    SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default, is_identity
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version' ORDER BY 1, 2
"""
INDEXES = (
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY 1, 2"
)
CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version' ORDER BY 1, 2
"""


def shape(connection: sa.Connection) -> list[list[tuple[object, ...]]]:
    return [[tuple(row) for row in connection.execute(sa.text(query))] for query in (COLUMNS, INDEXES, CONSTRAINTS)]


def test_the_migrated_schema_equals_the_tables(database_url: str) -> None:
    with sa.create_engine(database_url).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts={"compare_server_default": True}), schema.metadata) == []


def test_the_migrated_schema_equals_a_fresh_one_in_every_column_index_and_constraint(database_url: str, empty_database_url: str) -> None:
    fresh = sa.create_engine(empty_database_url)
    schema.metadata.create_all(fresh)
    with sa.create_engine(database_url).connect() as migrated, fresh.connect() as created:
        assert shape(migrated) == shape(created)
        assert len(shape(created)[0]) == sum(len(table.columns) for table in schema.metadata.tables.values())


def test_the_head_that_functions_know_is_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(configuration()).get_current_head() == schema.HEAD


def test_migrating_again_changes_nothing(database_url: str) -> None:
    migrate(database_url)
    PostgresLedger.connect(database_url).ready()


def test_two_migrations_at_once_both_end_well(empty_database_url: str) -> None:
    with ThreadPoolExecutor() as pool:
        list(pool.map(migrate, [empty_database_url] * 4))
    PostgresLedger.connect(empty_database_url).ready()


def test_a_database_without_tables_is_outdated(empty_database_url: str) -> None:
    with pytest.raises(SchemaOutdated):
        PostgresLedger.connect(empty_database_url).ready()


def test_an_older_schema_is_outdated(database_copy_url: str) -> None:
    _say_revision(database_copy_url, "0000")
    with pytest.raises(SchemaOutdated):
        PostgresLedger.connect(database_copy_url).ready()


def test_a_database_of_the_first_release_is_outdated_until_it_is_migrated(empty_database_url: str) -> None:
    _as_first_released(empty_database_url)
    ledger = PostgresLedger.connect(empty_database_url)
    secret = ledger.create_key("acme", [Scope.USER])
    with pytest.raises(SchemaOutdated):
        ledger.ready()
    migrate(empty_database_url)
    ledger.ready()
    assert ledger.document_of_key(secret, "0" * 32) == (ledger.authenticate(secret), None)
    ledger.dispose()


def test_a_newer_schema_is_ready_and_left_alone(database_copy_url: str) -> None:
    _say_revision(database_copy_url, "9999")
    migrate(database_copy_url)
    PostgresLedger.connect(database_copy_url).ready()


def test_a_database_that_is_not_there_is_unavailable() -> None:
    url = "postgresql+psycopg2://docusnap@/docusnap?host=/nonexistent"
    with pytest.raises(DatabaseUnavailable):
        PostgresLedger.connect(url).ready()
    with pytest.raises(DatabaseUnavailable):
        migrate(url)


def _as_first_released(url: str) -> None:
    config = configuration()
    with sa.create_engine(url).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")


def _say_revision(url: str, revision: str) -> None:
    with sa.create_engine(url).begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
