"""A million finished documents in the real tables, by INSERT … SELECT from a few thousand pages that were cut as the product cuts them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import sqlalchemy as sa
from docusnap import search
from docusnap.adapters.postgres import schema
from sqlalchemy.schema import CreateIndex, DropIndex

from benchmarks.ledger.words import lines, vocabulary

SHORT, LONG = "letters", "books"  # the tenants: many pages of one line, fewer of forty
LINES = 40  # of a long page
POOL = 1000  # different pages of each kind; each copy gets a word of its own


@dataclass(frozen=True, slots=True)
class Size:
    """How many documents of one page each tenant has."""

    short: int
    long: int

    @property
    def documents(self) -> int:
        return self.short + self.long

    @property
    def lines(self) -> int:
        return self.short + self.long * LINES


def fill(url: str, size: Size) -> None:
    """Into a migrated database without rows; its indexes are built afterwards, and its statistics are fresh."""
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    indexes = [index for table in (schema.document, schema.revision, schema.work, schema.page_content) for index in table.indexes]
    with engine.begin() as connection:
        connection.execute(sa.insert(schema.tenant), [{"id": SHORT}, {"id": LONG}])
        _pool(connection)
        for index in indexes:
            connection.execute(DropIndex(index))
        for tenant, count in ((LONG, size.long), (SHORT, size.short)):
            for statement in _STATEMENTS:
                connection.execute(sa.text(statement), {"tenant": tenant, "count": count, "pool": POOL})
        connection.execute(sa.text("SET LOCAL maintenance_work_mem = '256MB'"))
        for index in indexes:
            connection.execute(CreateIndex(index))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM (ANALYZE)"))


def _pool(connection: sa.Connection) -> None:
    connection.execute(
        sa.text("CREATE TEMPORARY TABLE pool (tenant text, number int, body json, text text, terms tsvector) ON COMMIT DROP")
    )
    insert = sa.text("INSERT INTO pool VALUES (:tenant, :number, CAST(:body AS json), :text, CAST(:terms AS tsvector))")
    chance, words = random.Random(6), vocabulary()
    source = lines(chance, words)
    for tenant, count in ((SHORT, 1), (LONG, LINES)):
        connection.execute(insert, [row | {"tenant": tenant} for row in islice(_pages(source, count), POOL)])


def _pages(source: Iterator[str], count: int) -> Iterator[dict[str, object]]:
    number = 0
    while True:
        texts = list(islice(source, count))
        found = [
            {"text": text, "confidence": 0.98, "polygon": [[90, y], [1500, y], [1500, y + 40], [90, y + 40]]}
            for y, text in enumerate(texts)
        ]
        body = {"source": "ocr", "width": 1654, "height": 2339, "dpi": 200, "rotation": 0, "lines": found}
        yield {"number": number, "body": json.dumps(body, ensure_ascii=False), "text": "\n".join(texts), "terms": search.tsvector(texts)}
        number += 1


# The newest document has the largest number, as it has the highest place on the disk.
_STATEMENTS = (
    """
    INSERT INTO document (id, tenant_id, filename, content_type, bucket, key, origin, upload_expires_at, created_at)
    SELECT md5(:tenant || n), :tenant, 'scan-' || n || '.png', 'image/png', 'docusnap', 'uploads/' || :tenant || '-' || md5(:tenant || n),
           'upload', now() - (:count - n + 3600) * interval '1 second', now() - (:count - n + 7200) * interval '1 second'
    FROM generate_series(1, :count) n
    """,
    """
    INSERT INTO revision (document_id, number, served, newest, status, ocr, etag, size, pages_total, pages_done, engine, updated_at,
                          finished_at, tenant_id, created_at)
    SELECT id, 1, true, true, 'succeeded', 'auto', md5(id), 50000, 1, 1, '{"name":"onnx","version":"1","models":[]}', created_at,
           created_at, tenant_id, created_at
    FROM document WHERE tenant_id = :tenant ORDER BY created_at
    """,
    """
    INSERT INTO work (revision_id, page, tenant_id, state, attempt)
    SELECT id, page, tenant_id, 'succeeded', 1 FROM revision, generate_series(0, 1) page WHERE tenant_id = :tenant ORDER BY id, page
    """,
    """
    INSERT INTO page_content (revision_id, page, tenant_id, document_id, created_at, body, text, terms)
    SELECT r.id, 1, r.tenant_id, r.document_id, r.created_at, p.body, p.text, p.terms || CAST('no' || r.id AS tsvector)
    FROM revision r JOIN pool p ON p.tenant = r.tenant_id AND p.number = r.id % :pool WHERE r.tenant_id = :tenant ORDER BY r.id
    """,
)
