"""What the list of dead letters reads of a table full of documents that are well."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from docusnap.adapters.postgres import dead
from docusnap.adapters.postgres.cursor import Place
from docusnap.model import DeadFilter
from sqlalchemy.dialects import postgresql

# 6,000 documents of two tenants; every so many is a dead letter, with one of two codes or more.
FILLED = """
    INSERT INTO tenant (id) VALUES ('t0'), ('t1');
    INSERT INTO document (id, tenant_id, filename, content_type, bucket, key, origin)
    SELECT md5(n::text), 't' || n / 8 % 2, 'a.png', 'image/png', 'docusnap', 'uploads/' || n, 'upload' FROM generate_series(1, 6000) n;
    INSERT INTO revision (document_id, number, served, newest, status, ocr, tenant_id, created_at, finished_at, dead_code)
    SELECT md5(n::text), 1, true, true, 'failed', 'auto', 't' || n / 8 % 2, now(), now() - n * interval '1 second',
        CASE WHEN n % :every = 0 THEN 'code' || n % 4 END
    FROM generate_series(1, 6000) n;
    INSERT INTO work (revision_id, page, tenant_id, state, error)
    SELECT id, 0, tenant_id, 'failed', '{"code": "engine_failed", "message": "It did not work."}' FROM revision;
    ANALYZE;
"""
LIMIT = 21


@pytest.fixture
def connection(database_copy_url: str, request: pytest.FixtureRequest) -> Iterator[sa.Connection]:
    engine = sa.create_engine(database_copy_url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(FILLED), {"every": request.param})
        yield connection


def rows_read(node: dict[str, Any]) -> int:
    """Of every table and index that a plan looks into, those that it looked at in vain among them."""
    looked_at = node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) if "Scan" in node["Node Type"] else 0
    return round(looked_at) + sum(rows_read(part) for part in node.get("Plans", ()))


def looked_at(connection: sa.Connection, which: DeadFilter, after: Place | None) -> int:
    query = dead.statement(which, LIMIT, after).compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
    [plan] = connection.execute(sa.text(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}".replace(":", r"\:"))).scalar_one()
    return rows_read(plan["Plan"])


@pytest.mark.parametrize("connection", [2, 1000], ids=["3,000 letters", "6 letters"], indirect=True)
def test_no_list_reads_what_is_well_nor_all_that_failed(connection: sa.Connection) -> None:
    newest = connection.execute(sa.text("SELECT max(finished_at) - interval '1 minute' FROM revision")).scalar_one()
    asked = itertools.product(("t0", None), ("code0", None), (Place(newest, "0" * 32), None))
    read = {(tenant, code, after): looked_at(connection, DeadFilter(tenant, code), after) for tenant, code, after in asked}
    assert all(0 < count <= 8 * LIMIT for count in read.values()), read
