"""A document of many pages is written page by page: what is held is a few times the answer, not twenty times."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace

from docusnap.adapters.postgres.ledger import PostgresLedger
from docusnap.adapters.s3 import S3Store
from docusnap.api import shapes
from docusnap.model import Line, Scope, Word
from docusnap.query import Queries
from docusnap.settings import Settings

from tests.contract.ledger.world import SQUARE, World, page_of

PAGES = 100


def test_the_memory_of_an_answer_does_not_grow_with_the_objects_of_its_pages(
    ledger: PostgresLedger, database_url: str, offline_settings: Settings
) -> None:
    ledger.create_key("acme", [Scope.USER])
    world = World(ledger, database_url)
    document = world.upload()
    world.split(PAGES)
    words = tuple(Word("word", 0.9, SQUARE) for _ in range(10))
    first = world.claim()
    assert ledger.finish(first, replace(page_of(1), lines=(Line("a line of ten words", 0.9, SQUARE, words),) * 50))
    columns = "tenant_id, document_id, created_at, body, text, terms"
    world.sql(
        f"INSERT INTO page_content (revision_id, page, {columns})"  # noqa: S608  no value of a stranger's
        f" SELECT revision_id, n, {columns} FROM page_content, generate_series(2, {PAGES}) n"
    )
    world.sql("UPDATE work SET state = 'succeeded', due_at = NULL")
    world.sql("UPDATE revision SET status = 'succeeded', pages_done = pages_total, finished_at = now()")
    queries = Queries(ledger=ledger, store=lambda: S3Store(offline_settings), settings=offline_settings, waits=1)
    queries.content("acme", document.id, 1)  # what is loaded once is not counted
    tracemalloc.start()
    try:
        text = shapes.content(queries.content("acme", document.id, None))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5 * len(text)
    pages = json.loads(text)["pages"]
    assert [page["number"] for page in pages] == list(range(1, PAGES + 1))
    assert len(pages[-1]["lines"][-1]["words"]) == 10
