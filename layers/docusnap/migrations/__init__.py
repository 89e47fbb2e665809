"""The schema's history: one Alembic tree, by expand and contract, so that older code runs on a newer schema.

Functions do not ship Alembic, and do not import this package: which revision they need is `adapters.postgres.schema.HEAD`.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from docusnap.errors import DatabaseUnavailable

LOCK = 0x0D0C5A  # held in the migration's own transaction, so that of two at once the second finds all done

FROZEN = "30s"  # a worker that stands still in the middle of a write holds its document's row locks no longer; a write takes milliseconds


def migrate(url: str) -> None:
    """Bring the database at `postgresql+psycopg2://…` to the newest schema; a newer one is left alone.

    Raises: DatabaseUnavailable.
    """
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool, connect_args={"connect_timeout": 3})
    try:
        with engine.begin() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
            _upgrade(connection)
            _bound_frozen_writers(connection)
    except sa.exc.OperationalError as exc:
        raise DatabaseUnavailable from exc


def _upgrade(connection: sa.Connection) -> None:
    config = configuration()
    head = ScriptDirectory.from_config(config).get_current_head() or ""
    current = MigrationContext.configure(connection).get_current_revision() or ""
    if current < head:  # Alembic would not know a newer one, and fail
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _bound_frozen_writers(connection: sa.Connection) -> None:
    """Of the role in this database, not of a session, which PgBouncer shares out; what the operator has set is left.

    Without it PostgreSQL waits for ever for a client that is paused, and for two hours where its cable was cut.
    """
    if connection.execute(sa.text("SELECT current_setting('idle_in_transaction_session_timeout')")).scalar_one() == "0":
        name = connection.dialect.identifier_preparer.quote(connection.execute(sa.select(sa.func.current_database())).scalar_one())
        connection.execute(sa.text(f"ALTER ROLE CURRENT_USER IN DATABASE {name} SET idle_in_transaction_session_timeout = '{FROZEN}'"))


def configuration() -> Config:
    """Alembic's configuration for this tree; `attributes["connection"]` is still to be given."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config
