"""A query that is asked again and again: compiled once, and put to the driver itself.

What SQLAlchemy does around each execution costs twice as much as psycopg2 itself; the pool, and what an error means, stay its own.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import psycopg2
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

from docusnap.adapters.postgres.database import Database

Rows = list[Any]  # with an attribute for each column; values are as the driver gives them


class Question:
    """One SELECT with bound parameters."""

    def __init__(self, query: sa.Select[Any]) -> None:
        self._query = query
        self._text = str(query.compile(dialect=PGDialect_psycopg2()))  # type: ignore[no-untyped-call]
        row: Any = namedtuple("row", query.selected_columns.keys())  # type: ignore[misc]  # noqa: PYI024  names are known only here
        self._row = row._make

    def ask(self, database: Database, values: Mapping[str, Any]) -> Rows:
        """All rows. What goes wrong is asked once more in the usual way, which knows what it means and replaces a pool that is stale.

        Raises: DatabaseUnavailable.
        """
        try:
            return self._at_once(database.borrow(), values)
        except psycopg2.Error:
            return list(database.read(lambda connection: connection.execute(self._query, values).all()))

    def _at_once(self, connection: sa.PoolProxiedConnection, values: Mapping[str, Any]) -> Rows:
        try:
            with closing(connection.cursor()) as cursor:
                cursor.execute(self._text, values)
                return list(map(self._row, cursor.fetchall()))
        except BaseException:
            connection.invalidate()  # an answer may still be on its way
            raise
        finally:
            connection.close()
