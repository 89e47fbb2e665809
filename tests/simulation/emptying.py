"""Tables emptied between two schedules, so that a replay finds them as the first play did.

TRUNCATE gives each of some forty tables and indexes a new file, which cost a seventh of a schedule. DELETE and VACUUM cost a tenth of
that, and leave the same behind unless an index has grown: only then are the files made anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from docusnap.adapters.postgres import schema

# Rows for every table and every partial index, since an index that once held a row has a page more than one that never did.
ROWS = """
INSERT INTO tenant (id) VALUES ('t');
INSERT INTO api_key (id, tenant_id, scopes, hash) VALUES ('a', 't', '', '');
INSERT INTO document (id, tenant_id, filename, content_type, bucket, key, origin, look_at, purged_at)
    VALUES ('a', 't', '', '', '', '', '', now(), NULL), ('b', 't', '', '', '', '', '', NULL, now());
INSERT INTO revision (id, document_id, number, served, newest, status, ocr, dead_code, finished_at, tenant_id, created_at)
    VALUES (1, 'a', 1, true, true, '', '', 'c', NULL, 't', now());
INSERT INTO work (revision_id, page, tenant_id, state, due_at) VALUES (1, 0, 't', '', now());
INSERT INTO page_content (revision_id, page, tenant_id, document_id, created_at, body, text, terms)
    VALUES (1, 1, 't', 'a', now(), '{}', 'a', 'a'::tsvector);
INSERT INTO idempotency (tenant_id, key, fingerprint, document_id) VALUES ('t', '', '', 'a');
INSERT INTO parked_event (id, code, bucket, key) VALUES (1, '', '', '');
INSERT INTO sweep_cursor (name) VALUES ('a')
"""
# What the planner goes by: with this equal, plans are, and with them the order in which rows are found.
SEEN_BY_THE_PLANNER = """
SELECT oid::regclass::text, relpages, reltuples, pg_relation_size(oid) FROM pg_class
WHERE relkind IN ('r', 'i') AND relnamespace IN ('public'::regnamespace, 'sim'::regnamespace) ORDER BY oid
"""
SEQUENCES = "SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'"

TABLES = [
    *(table.name for table in reversed(schema.metadata.sorted_tables)),
    "sim.burial",
    "sim.redriven",
    "sim.violation",
]  # children first, notes last
DELETE = "; ".join(f"DELETE FROM {table}" for table in TABLES)  # noqa: S608  the names are the schema's
Sql = Callable[[str], Sequence[sa.Row[Any]]]


class Emptying:
    def __init__(self, sql: Sql, vacuum: Sql) -> None:
        """`vacuum` runs a statement that may stand beside no other."""
        self._sql, self._vacuum = sql, vacuum
        self._renew()
        self._as_new = sql(SEEN_BY_THE_PLANNER)

    def empty(self) -> None:
        self._delete()
        if self._sql(SEEN_BY_THE_PLANNER) != self._as_new:
            self._renew()

    def _renew(self) -> None:
        self._sql(f"TRUNCATE {', '.join(TABLES)}; {ROWS}")
        self._delete()

    def _delete(self) -> None:
        self._sql(DELETE)
        self._vacuum(f"VACUUM (INDEX_CLEANUP on) {', '.join(TABLES)}")
        self._sql(SEQUENCES)
