"""A real PostgreSQL whose time is the simulator's, with observers, and with faults between its statements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from docusnap.adapters.postgres import schema
from docusnap.adapters.postgres.ledger import PostgresLedger
from docusnap.migrations import migrate

from tests.simulation.clock import Clock
from tests.simulation.emptying import Emptying
from tests.simulation.tasks import current

HERE = Path(__file__).parent
BEFORE, WATCH = HERE / "observers.sql", HERE / "watch.sql"

Rewrite = Callable[[str], str]


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
            sa.event.listen(engine, "checkout", self._begins)
            sa.event.listen(engine, "before_cursor_execute", self._statement, retval=True)
            sa.event.listen(engine, "commit", self._commit)

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

    # --- on the ledger's own connections

    def _begins(self, _connection: object, record: Any, _proxy: object) -> None:
        record.info["told"] = False

    def _statement(self, connection: sa.Connection, _cursor: object, statement: str, parameters: Any, *_more: object) -> tuple[str, Any]:
        if self.fault is not None:
            self.fault.statement(connection)
        statement = self.rewrite(statement)
        if connection.info["told"]:
            return statement, parameters
        connection.info["told"] = True
        return f"SET sim.now = '{self.clock.now.isoformat()}'; {statement}", parameters  # on one way with it: half of the cost is the way

    def _commit(self, connection: sa.Connection) -> None:
        if self.fault is not None:
            self.fault.commit(connection)


class Fault:
    """Strikes once in a ledger call: `before` its statement number `number`, before its `commit`, or `after` all."""

    def __init__(self, what: str, where: str, number: int = 1) -> None:
        self.what, self.where, self.number = what, where, number
        self.struck = False
        self._statements = 0

    def __str__(self) -> str:
        return f"{self.what} {self.where}" + (f" statement {self.number}" if self.where == "before" else "")

    def statement(self, connection: sa.Connection) -> None:
        self._statements += 1
        if self.where == "before" and self._statements == self.number:
            self.strike(connection)

    def commit(self, connection: sa.Connection) -> None:
        if self.where == "at commit":
            self.strike(connection)

    def after(self) -> None:
        if self.where == "after":
            self.strike()

    def strike(self, connection: sa.Connection | None = None) -> None:
        """A process that dies takes its connection with it, and one that lost it has none: nobody gets it with half a transaction.

        Raises: Killed; OperationalError as the driver does.
        """
        if self.struck:
            return
        self.struck = True
        if connection is not None and self.what != "deadlock":
            connection.invalidate()
        if self.what == "killed" and (task := current()) is not None:
            task.die()
        raise sa.exc.OperationalError("simulated", None, Trouble(self.what))


class Trouble(Exception):
    """What a driver says of a connection that was lost, or of a deadlock, which undoes the transaction."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.pgcode = "40P01" if what == "deadlock" else None
