"""What is asked again and again: compiled once, and put to the driver itself.

What SQLAlchemy does around each execution costs twice as much as psycopg2 itself; the pool, and what an error means, stay its own.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

import psycopg2
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

from docusnap.adapters.postgres.database import Database

Rows = list[Any]  # with an attribute for each column; values are as the driver gives them


class Question:
    """One SELECT with bound parameters."""

    def __init__(self, query: sa.Select[Any]) -> None:
        self._query, self._message = query, Message(query)

    def ask(self, database: Database, values: Mapping[str, Any]) -> Rows:
        """All rows. What goes wrong is asked once more in the usual way, which knows what it means and replaces a pool that is stale.

        Raises: DatabaseUnavailable.
        """
        try:
            with cursor_of(database) as cursor:
                return self._message.ask(cursor, values)
        except psycopg2.Error:
            return list(database.read(lambda connection: connection.execute(self._query, values).all()))


class Message:
    """Statements that go to the server together: one way there and back for all, each with a snapshot of its own.

    A transaction of several messages is begun by BEGIN in the first one, and ended by COMMIT in the last.
    """

    def __init__(self, *statements: sa.Executable | str) -> None:
        """Parameters of one name have one value."""
        compiled = [_compiled(statement) for statement in statements if not isinstance(statement, str)]
        texts = iter(map(str, compiled))
        self._text = "; ".join(statement if isinstance(statement, str) else next(texts) for statement in statements)
        self._constants = _constants(compiled)
        last = statements[-1]
        row: Any = namedtuple("row", last.selected_columns.keys() if isinstance(last, sa.Select) else ())  # type: ignore[misc]  # noqa: PYI024  names are known only here
        self._row = row._make

    def ask(self, cursor: Any, values: Mapping[str, Any]) -> Rows:
        """The rows of the last statement, a SELECT. Raises: psycopg2.Error."""
        self.tell(cursor, values)
        return list(map(self._row, cursor.fetchall()))

    def tell(self, cursor: Any, values: Mapping[str, Any]) -> None:
        """Raises: psycopg2.Error."""
        cursor.execute(self._text, {**self._constants, **values} if self._constants else values)


def _compiled(statement: Any) -> Any:
    return statement.compile(dialect=PGDialect_psycopg2())  # type: ignore[no-untyped-call]


def _constants(compiled: Sequence[Any]) -> dict[str, Any]:
    """The values that are part of the statements."""
    found: dict[str, Any] = {}
    for one in compiled:
        mine = {name: bind.value for bind, name in one.bind_names.items() if not bind.required}
        if any(found.get(name, value) != value for name, value in mine.items()):
            raise ValueError("Two statements of a message give one name two values.")
        found |= mine
    return found


@contextmanager
def cursor_of(database: Database) -> Iterator[Any]:
    """A cursor of a connection in autocommit, which is given up where anything goes wrong: an answer may still be on its way.

    Raises: DatabaseUnavailable.
    """
    connection = database.borrow()
    try:
        with closing(connection.cursor()) as cursor:
            yield cursor
    except BaseException:
        connection.invalidate()
        raise
    finally:
        connection.close()
