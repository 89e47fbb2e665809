"""One pool of connections, and the one place where the driver's errors are translated."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import psycopg2
import sqlalchemy as sa

from docusnap.errors import DatabaseUnavailable

T = TypeVar("T")
P = ParamSpec("P")
Row = sa.Row[*tuple[Any, ...]]
Job = Callable[[sa.Connection], T]

CLASHES = frozenset({"40001", "40P01"})  # serialization failure, deadlock: the transaction was undone and may be run again
READ_ONLY = "25006"  # a server that became a standby
LIMIT_EXCEEDED = "54"  # psycopg2 counts this class among the operational errors, but trying again never helps
TRIES = 5

# A server that vanished without a word is noticed after about ten seconds, not after the kernel's fifteen minutes.
TIMEOUTS = {
    "connect_timeout": 3,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class Database:
    """Runs jobs on pooled connections; connects when the first one comes.

    Jobs may run more than once, so they must do nothing but talk to the database.
    """

    def __init__(self, url: str, pool_size: int, *, patience: float = 5) -> None:
        """`patience`: seconds to wait for a connection while all are in use."""
        # Two pools: a connection that changes its isolation level says SET each time, which costs a round trip.
        self._writes = _engine(url, -(-pool_size // 2), patience)  # rarer than reads; beyond these a connection is closed after its use
        self._reads = _engine(url, pool_size, patience, isolation_level="AUTOCOMMIT")

    def read(self, job: Job[T]) -> T:
        """Run a job whose every statement stands for itself, without BEGIN and COMMIT around it.

        Raises: DatabaseUnavailable.
        """
        return _persist(partial(_once, self._reads, job))

    def read_snapshot(self, job: Job[T]) -> T:
        """Run a job whose statements all see the same moment.

        Raises: DatabaseUnavailable.
        """
        return _persist(partial(_once, self._reads, partial(_at_one_moment, job)))

    def borrow(self) -> sa.PoolProxiedConnection:
        """A connection in autocommit, for who ends each of its statements and gives it back with `close`.

        Raises: DatabaseUnavailable.
        """
        try:
            return self._reads.raw_connection()
        except (sa.exc.TimeoutError, psycopg2.OperationalError) as exc:  # all are in use, or a new one was refused
            raise DatabaseUnavailable from exc

    def write(self, job: Job[T]) -> T:
        """Run a job in one transaction, again where it met a deadlock or a connection that had died before.

        Raises: DatabaseUnavailable.
        """
        return _persist(partial(_once, self._writes, job))

    def dispose(self) -> None:
        self._writes.dispose()
        self._reads.dispose()


def _engine(url: str, pool_size: int, patience: float, **options: str) -> sa.Engine:
    return sa.create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=patience,
        pool_reset_on_return=None,  # every job ends its own transaction; a ROLLBACK for each read cost half of the reads
        connect_args=TIMEOUTS,
        hide_parameters=True,  # the text of a page is not for a log
        use_native_hstore=False,  # spares a query at every connect
        json_serializer=partial(json.dumps, ensure_ascii=False, separators=(",", ":")),
        **options,
    )


def _once(engine: sa.Engine, job: Job[T]) -> T:
    with engine.connect() as connection:
        result = job(connection)
        try:
            connection.commit()
        except sa.exc.DBAPIError as exc:
            # Nobody knows whether this was kept, so it must not be run again here; whoever asks again meets the fence.
            raise DatabaseUnavailable from exc
        return result


def _at_one_moment(job: Job[T], connection: sa.Connection) -> T:
    connection.execute(sa.text("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    try:
        result = job(connection)
    except BaseException:
        with suppress(sa.exc.SQLAlchemyError):  # a connection that died says so once more, which would hide the reason
            connection.execute(sa.text("ROLLBACK"))
        raise
    connection.execute(sa.text("COMMIT"))
    return result


def _persist(once: Callable[[], T]) -> T:
    for attempt in range(TRIES):
        try:
            return once()
        except sa.exc.TimeoutError as exc:  # the pool had no connection to give
            raise DatabaseUnavailable from exc
        except sa.exc.DBAPIError as exc:
            if not _passing(exc):
                raise
            if not _worth_another(exc, attempt):
                raise DatabaseUnavailable from exc
        time.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311  spreads those who clashed, hides nothing
    raise AssertionError("the last try returns or raises")


def _passing(exc: sa.exc.DBAPIError) -> bool:
    """Whether this is the database's trouble of the moment, not a mistake in a statement or its values."""
    state = _state(exc)
    trouble = isinstance(exc, sa.exc.OperationalError) or exc.connection_invalidated or state == READ_ONLY
    return trouble and not state.startswith(LIMIT_EXCEEDED)


def _worth_another(exc: sa.exc.DBAPIError, attempt: int) -> bool:
    """A stale connection is replaced once, together with the whole pool; clashes pass."""
    return (exc.connection_invalidated and attempt == 0) or (_state(exc) in CLASHES and attempt < TRIES - 1)


def _state(exc: sa.exc.DBAPIError) -> str:
    return getattr(exc.orig, "pgcode", None) or ""


class Part:
    """A part of the ledger: the calls of one port."""

    def __init__(self, database: Database) -> None:
        self.database = database


S = TypeVar("S", bound=Part)
Method = Callable[Concatenate[S, sa.Connection, P], T]
Call = Callable[Concatenate[S, P], T]


def reading(method: Method[S, P, T]) -> Call[S, P, T]:
    """The method gets a connection in autocommit as its first argument; callers do not pass it."""

    @wraps(method)
    def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.database.read(lambda connection: method(self, connection, *args, **kwargs))

    return call


def reading_snapshot(method: Method[S, P, T]) -> Call[S, P, T]:
    """As `reading`, but all statements of the method see the same moment."""

    @wraps(method)
    def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.database.read_snapshot(lambda connection: method(self, connection, *args, **kwargs))

    return call


def writing(method: Method[S, P, T]) -> Call[S, P, T]:
    """As `reading`, but the method is one transaction, which an exception undoes."""

    @wraps(method)
    def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.database.write(lambda connection: method(self, connection, *args, **kwargs))

    return call
