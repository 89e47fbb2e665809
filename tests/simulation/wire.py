"""The ledger's connections to the simulated database: told the time, rewritten on, and struck by faults.

Below SQLAlchemy: its own events would be called for every statement, each through several layers of Python.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

import psycopg2.extensions
import sqlalchemy as sa

from tests.simulation.clock import Clock
from tests.simulation.tasks import current

Rewrite = Callable[[str], str]


class Simulated(Protocol):
    """What a connection goes by."""

    clock: Clock
    rewrite: Rewrite  # a mutation of the ledger's statements
    fault: Fault | None  # of the call that runs now


class Wire(psycopg2.extensions.connection):
    """A connection that knows no simulation yet when the driver opens it."""

    simulated: Simulated
    told: datetime | None = None  # the session's time; None where an undone transaction took it back
    broken = False

    def commit(self) -> None:
        if self.simulated.fault is not None:
            self.simulated.fault.commit(self)
        super().commit()

    def rollback(self) -> None:
        self.told = None
        super().rollback()

    def break_(self) -> None:
        """The server undoes what was under way, and nobody gets this connection again."""
        self.rollback()
        self.broken = True


class WireCursor(psycopg2.extensions.cursor):
    """The time goes on one way with the first statement that needs it: half of the cost is the way."""

    connection: Wire

    def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002  the driver's own name
        wire = self.connection
        if wire.broken:
            return  # what cleans up after a break reaches nobody
        simulated = wire.simulated
        if simulated.fault is not None:
            simulated.fault.statement(wire)
            if query.endswith("; COMMIT"):
                simulated.fault.commit(wire)
        statement, now = simulated.rewrite(query), simulated.clock.now
        if wire.told != now:
            statement = f"SET sim.now = '{now.isoformat()}'; {statement}"
        super().execute(statement, vars)
        wire.told = None if query.startswith("ROLLBACK") else now


def lead_through(engine: sa.Engine, simulated: Simulated) -> None:
    """All connections of the engine from now on are such."""

    def dial(_dialect: object, _record: object, _args: object, options: dict[str, Any]) -> None:
        options.update(connection_factory=Wire, cursor_factory=WireCursor)

    def connected(wire: Wire, _record: object) -> None:
        wire.simulated = simulated

    def out(wire: Wire, _record: object, _proxy: object) -> None:
        if wire.broken:
            raise sa.exc.DisconnectionError

    sa.event.listen(engine, "do_connect", dial)
    sa.event.listen(engine, "connect", connected, insert=True)
    sa.event.listen(engine, "checkout", out)


class Fault:
    """Strikes once in a ledger call: `before` its statement number `number`, before its `commit`, or `after` all."""

    def __init__(self, what: str, where: str, number: int = 1) -> None:
        self.what, self.where, self.number = what, where, number
        self.struck = False
        self._statements = 0

    def __str__(self) -> str:
        return f"{self.what} {self.where}" + (f" statement {self.number}" if self.where == "before" else "")

    def statement(self, wire: Wire) -> None:
        self._statements += 1
        if self.where == "before" and self._statements == self.number:
            self.strike(wire)

    def commit(self, wire: Wire) -> None:
        if self.where == "at commit":
            self.strike(wire)

    def after(self) -> None:
        if self.where == "after":
            self.strike()

    def strike(self, wire: Wire | None = None) -> None:
        """A process that dies takes its connection with it, and one that lost it has none: nobody gets it with half a transaction.

        Raises: Killed; OperationalError as the driver does.
        """
        if self.struck:
            return
        self.struck = True
        if wire is not None and self.what != "deadlock":
            wire.break_()
        if self.what == "killed" and (task := current()) is not None:
            task.die()
        raise sa.exc.OperationalError("simulated", None, Trouble(self.what))


class Trouble(Exception):
    """What a driver says of a connection that was lost, or of a deadlock, which undoes the transaction."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.pgcode = "40P01" if what == "deadlock" else None
