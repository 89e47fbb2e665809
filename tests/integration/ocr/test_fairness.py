"""One tenant's many pages, several threads and one recogniser: another tenant's page waits for two pages at most."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Semaphore

from docusnap.model import DocumentView, PageRaster, RecognisedPage, Status
from docusnap.ocr.worker import Worker
from docusnap.ports import Clock

from tests.integration.ocr.test_worker import Desk, Ever, NumberingEngine, _tiff, desk
from tests.support.waiting import eventually

__all__ = ["desk"]

WIDE = 70  # pixels, by which the recogniser knows the other tenant's page
THREADS = 4


@dataclass
class EngineThatIsLetGoPageByPage(NumberingEngine):
    """Begins a page whenever it is asked, and ends it when the test says so."""

    begun: list[int] = field(default_factory=list)  # the widths
    may_end: Semaphore = field(default_factory=lambda: Semaphore(0))

    def recognise(self, pages: Iterable[PageRaster], *, clock: Clock | None = None) -> Iterator[RecognisedPage]:
        for page in pages:
            self.begun.append(page.width)
            assert self.may_end.acquire(timeout=60)
            yield from super().recognise([page])


def states(desk: Desk, document: DocumentView) -> list[str]:
    query = "SELECT state FROM work JOIN revision ON id = revision_id WHERE document_id = :id ORDER BY page"
    return [row.state for row in desk.world.sql(query, id=document.id)]


def all_wait(worker: Worker) -> None:
    eventually(lambda: worker.turns.waiting == THREADS - 1, "every thread has a page, and one is being read", 120)


def test_another_tenants_page_is_recognised_after_the_one_in_work_and_one_more(desk: Desk) -> None:
    desk.ledger.create_key("zenith", ())
    desk.engine = engine = EngineThatIsLetGoPageByPage()
    many = desk.upload(_tiff(12))
    worker, clock = desk.worker(), Ever()
    with ThreadPoolExecutor(THREADS) as pool:
        first = pool.submit(worker.run, clock)
        eventually(lambda: engine.begun, "the first page is being read", 120)
        others = [pool.submit(worker.run, clock) for _ in range(THREADS - 1)]
        all_wait(worker)
        one = desk.upload(_tiff(1, width=WIDE), "zenith")
        engine.may_end.release()  # whose thread is then free for the split, and for the page after it
        eventually(lambda: states(desk, one) == ["succeeded", "processing"], "the other tenant's page is claimed", 120)
        all_wait(worker)
        engine.may_end.release()
        eventually(lambda: len(engine.begun) == 3, "the next page is being read", 120)
        assert engine.begun[2] == WIDE
        engine.may_end.release(100)
        for call in (first, *others):
            call.result()
    assert desk.see(one).served.status is desk.see(many).served.status is Status.SUCCEEDED
