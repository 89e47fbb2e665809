"""A ledger with the people around it: clients that upload, workers that recognise, and time that passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any, TypeVar

import sqlalchemy as sa
from docusnap.adapters.postgres import schema
from docusnap.adapters.postgres.ledger import PostgresLedger
from docusnap.model import (
    DocumentView,
    EngineInfo,
    Line,
    ModelFile,
    ObjectVersion,
    Problem,
    RecognisedPage,
    UploadRequest,
    Work,
)

T = TypeVar("T")

BUCKET = "docusnap"
LIFETIME = timedelta(minutes=15)
ENGINE = EngineInfo("onnx", "1", (ModelFile("det", "ab" * 32),))
BAD_PAGE = Problem("corrupt_image", "The image is damaged.")
CRASH = Problem("engine_crashed", "The recogniser crashed on this page.")
SQUARE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def page_of(number: int, *texts: str) -> RecognisedPage:
    lines = tuple(Line(text, 0.9, SQUARE) for text in texts)
    return RecognisedPage(number, "ocr", 800, 600, 300, 90, lines)


class World:
    def __init__(self, ledger: PostgresLedger, url: str) -> None:
        self.ledger = ledger
        self._engine = sa.create_engine(url)

    def sql(self, statement: str, **values: Any) -> Sequence[sa.Row[Any]]:
        with self._engine.begin() as connection:
            result = connection.execute(sa.text(statement), values)
            return result.all() if result.returns_rows else []

    def count(self, table: str) -> int:
        with self._engine.connect() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(schema.metadata.tables[table])).scalar_one()

    def later(self, **by: float) -> None:
        """Let time pass: the ledger knows none but the database's, so every moment in it moves back."""
        with self._engine.begin() as connection:
            for table in schema.metadata.sorted_tables:
                moments = {column.name: column - timedelta(**by) for column in table.c if isinstance(column.type, sa.DateTime)}
                connection.execute(sa.update(table).values(moments)) if moments else None

    # --- clients

    def register(self, tenant: str = "acme", *, key: str | None = None, **request: Any) -> DocumentView:
        asked = UploadRequest(**{"filename": "scan.png", "content_type": "image/png"} | request)
        return self.ledger.register(tenant, BUCKET, asked, LIFETIME, key).document

    def put(self, key: str, etag: str = "e1", **more: Any) -> str:
        return self.ledger.arrive(ObjectVersion(BUCKET, key, etag, 1000, **more)).outcome

    def upload(self, tenant: str = "acme", **request: Any) -> DocumentView:
        """A registered document whose object has arrived."""
        document = self.register(tenant, **request)
        assert self.put(document.key) == "queued"
        return self.see(document)

    def adopt(self, key: str = "incoming/scan.png", etag: str = "e1", **more: Any) -> DocumentView:
        """A foreign object's document."""
        assert self.put(key, etag, **more) == "queued"
        document = self.ledger.document_of(BUCKET, key)
        assert document is not None
        return document

    def see(self, document: DocumentView) -> DocumentView:
        return self.ledger.document(document.tenant, document.id)

    # --- workers

    def claim(self) -> Work:
        work = self.ledger.claim()
        assert work is not None
        return work

    def split(self, pages: int) -> None:
        """Claim the next work, which is a split, and finish it."""
        work = self.claim()
        assert work.is_split
        assert self.ledger.split(work, pages, ENGINE)

    def finish(self, *texts: str) -> Work:
        """Claim the next page and finish it."""
        work = self.claim()
        assert self.ledger.finish(work, page_of(work.page, *texts))
        return work

    def fail(self, problem: Problem = CRASH, *, rejected: bool = False) -> Work:
        """Claim the next work and fail it for good."""
        work = self.claim()
        assert self.ledger.fail(work, problem, retry_in=None, rejected=rejected)
        return work

    def recognised(self, document: DocumentView, *texts: str) -> DocumentView:
        """Recognise the only document that is due: one page a text."""
        self.split(len(texts))
        for text in texts:
            self.finish(text)
        return self.see(document)

    def failed(self, document: DocumentView) -> DocumentView:
        self.fail()
        return self.see(document)

    def texts(self, document: DocumentView) -> list[str | None]:
        pages = self.ledger.content(document.tenant, document.id, None)[1].pages
        return [page.result and page.result.text for page in pages]


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Run the calls in as many threads, begun at the same moment."""
    barrier = Barrier(len(calls))

    def start(call: Callable[[], T]) -> T:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(start, calls))
