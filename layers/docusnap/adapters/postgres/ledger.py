"""The ledger on PostgreSQL: every port in a file of its own, all on one pool of connections."""

from __future__ import annotations

from typing import Self

import sqlalchemy as sa

from docusnap.adapters.postgres.database import Database
from docusnap.adapters.postgres.dead import DeadLetters
from docusnap.adapters.postgres.intake import Intake
from docusnap.adapters.postgres.keys import Keys
from docusnap.adapters.postgres.query import Reads
from docusnap.adapters.postgres.schema import HEAD
from docusnap.adapters.postgres.search import SearchReads
from docusnap.adapters.postgres.sweep import Sweeps
from docusnap.adapters.postgres.uploads import Uploads
from docusnap.adapters.postgres.work import WorkLog
from docusnap.errors import SchemaOutdated

UNDEFINED_TABLE = "42P01"
# As many as a gateway's process has threads: a connection beyond these is closed after each use, and a new one costs the server a process.
POOL_SIZE = 16


class PostgresLedger(Keys, Uploads, Intake, WorkLog, Reads, SearchReads, DeadLetters, Sweeps):
    """ports.KeyLedger, UploadLedger, IntakeLedger, WorkLedger, QueryLedger, DeadLedger and SweepLedger. Safe under threads."""

    @classmethod
    def connect(cls, url: str, *, pool_size: int = POOL_SIZE) -> Self:
        """A ledger on `postgresql+psycopg2://…` that connects when it is first asked something."""
        return cls(Database(url, pool_size))

    def ready(self) -> None:
        """Return if the database answers with a schema that this program can use; a newer one will do.

        Raises: DatabaseUnavailable, SchemaOutdated.
        """
        found = self.database.read(_schema_revision)
        if found is None or found < HEAD:
            raise SchemaOutdated

    def dispose(self) -> None:
        """Close all connections that are not in use."""
        self.database.dispose()


def _schema_revision(connection: sa.Connection) -> str | None:
    try:
        return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    except sa.exc.ProgrammingError as exc:
        if getattr(exc.orig, "pgcode", None) == UNDEFINED_TABLE:
            return None
        raise
