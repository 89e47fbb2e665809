"""A real PostgreSQL whose time is the simulator's, with observers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from docusnap.adapters.postgres import schema
from docusnap.adapters.postgres.ledger import PostgresLedger
from docusnap.migrations import migrate

from tests.simulation.clock import Clock
from tests.simulation.emptying import Emptying
from tests.simulation.wire import Fault, Rewrite, lead_through

HERE = Path(__file__).parent
BEFORE, WATCH = HERE / "observers.sql", HERE / "watch.sql"


def _as_it_is(statement: str) -> str:
    return statement


class SimulatedDatabase:
    """One database for many schedules, one after the other."""

    def __init__(self, url: str) -> None:
        """`url` names an empty database, whose owner connects."""
        self.clock = Clock()
        self.rewrite: Rewrite = _as_it_is  # a mutation of the ledger's statements
        self.fault: Fault | None = None  # of the call that runs now
        self._own = sa.create_engine(url, poolclass=sa.pool.StaticPool, isolation_level="AUTOCOMMIT")
        self._build(url)
        self.ledger = PostgresLedger.connect(url, pool_size=1)
        for engine in (self.ledger.database._writes, self.ledger.database._reads):
            lead_through(engine, self)

    def _build(self, url: str) -> None:
        name = sa.make_url(url).database
        for setting in ("search_path = public, sim, pg_catalog", "sim.now = '2100-01-01 00:00:00+00'", "jit = off"):
            self.sql(f'ALTER DATABASE "{name}" SET {setting}')
        self.sql(BEFORE.read_text("utf-8"))
        migrate(url)
        self._own.dispose()  # what this connection was told when it began is out of date
        self.sql(WATCH.read_text("utf-8"))
        for table in schema.metadata.sorted_tables:  # statistics would let plans differ between a schedule and its replay
            self.sql(f"ALTER TABLE {table.name} SET (autovacuum_enabled = false)")
        self._emptying = Emptying(self.sql, self._alone)

    def dispose(self) -> None:
        self.ledger.dispose()
        self._own.dispose()

    def reset(self) -> Clock:
        """No rows, tables as new, and the first moment of time."""
        self.clock = Clock()
        self.rewrite, self.fault = _as_it_is, None
        self._emptying.empty()
        return self.clock

    def sql(self, statement: str) -> Sequence[sa.Row[Any]]:
        """Outside of the ledger, at the same time: for observers and invariants."""
        with self._own.connect() as connection:
            told = f"SET sim.now = '{self.clock.now.isoformat()}'; {statement}"
            result = connection.exec_driver_sql(told.replace("%", "%%"))
            return result.all() if result.returns_rows else []

    def _alone(self, statement: str) -> Sequence[sa.Row[Any]]:
        with self._own.connect() as connection:
            connection.exec_driver_sql(statement)
            return []
