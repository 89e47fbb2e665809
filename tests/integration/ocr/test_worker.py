"""The worker on the real ledger, store and decoder: what a page costs when something goes wrong, and that it always ends in the ledger."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from docusnap import errors
from docusnap.adapters.decoder.process import DecoderProcess
from docusnap.adapters.postgres.ledger import PostgresLedger
from docusnap.adapters.s3 import S3Store
from docusnap.model import DocumentView, EngineInfo, Line, ObjectVersion, PageRaster, RecognisedPage, Status, UploadRequest
from docusnap.ocr.scratch import Scratch
from docusnap.ocr.worker import Worker
from docusnap.ports import Clock
from docusnap.settings import Settings
from PIL import Image

from tests.contract.ledger.world import World

BOX = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))


@dataclass
class Wakes:
    sent: int = 0

    def wake(self, count: int = 1) -> None:
        self.sent += count


@dataclass
class Ever:
    """A clock that never runs out, until it is told to stop."""

    stopped: bool = False

    def remaining(self) -> float:
        return 0 if self.stopped else 1000

    def stopping(self) -> bool:
        return self.stopped


@dataclass
class NumberingEngine:
    """Reads the page's own number; `mishaps` are raised first, one a page."""

    mishaps: list[Exception] = field(default_factory=list)
    info: EngineInfo = field(default_factory=lambda: EngineInfo("numbering", "1"))

    def recognise(self, pages: Iterable[PageRaster], *, clock: Clock | None = None) -> Iterator[RecognisedPage]:
        for page in pages:
            if self.mishaps:
                raise self.mishaps.pop(0)
            yield RecognisedPage(page.number, "ocr", page.width, page.height, page.dpi, 0, (Line(f"page {page.number}", 1.0, BOX),))

    def close(self) -> None:
        """Nothing is held."""


class StoreThatGoesAway(S3Store):
    """The real store, which does not answer the next `outages` fetches; `away` says so of the bucket too."""

    outages = 0
    away = False
    away_for_looks = 0

    def ready(self) -> bool:
        self.away_for_looks -= 1
        return not self.away and self.away_for_looks < 0

    def fetch(self, version: ObjectVersion, target: Path, *, timeout: float) -> str:
        if self.outages:
            self.outages -= 1
            raise errors.StoreUnavailable
        return super().fetch(version, target, timeout=timeout)


class DatabaseThatGoesAway(PostgresLedger):
    """The real ledger, whose next `outages` commits of a page find no database."""

    outages = 0

    def finish(self, work: object, page: RecognisedPage) -> bool:
        if self.outages:
            self.outages -= 1
            raise errors.DatabaseUnavailable
        return super().finish(work, page)  # type: ignore[arg-type]


@dataclass
class Desk:
    """A worker and a client beside it."""

    ledger: DatabaseThatGoesAway
    store: StoreThatGoesAway
    settings: Settings
    scratch: Path
    world: World
    decoder: DecoderProcess
    engine: NumberingEngine = field(default_factory=NumberingEngine)
    wakes: Wakes = field(default_factory=Wakes)

    def worker(self) -> Worker:
        return Worker(
            ledger=self.ledger,
            store=self.store,
            decoder=self.decoder,
            engine=self.engine,
            waker=self.wakes,
            scratch=Scratch(self.scratch, self.settings.scratch_bytes),
            settings=self.settings,
        )

    def work(self, *, later: bool = True) -> None:
        """Work until nothing is due, and once more when every back-off has passed."""
        self.worker().run(Ever())
        if later:
            self.world.later(hours=1)
            self.worker().run(Ever())

    def register(self, size: int, tenant: str = "acme", **request: str) -> DocumentView:
        asked = UploadRequest("file", "application/octet-stream", size=size, method="PUT", **request)  # type: ignore[arg-type]
        return self.ledger.register(tenant, self.settings.s3_bucket, asked, timedelta(minutes=5), None).document

    def put(self, body: bytes, tenant: str = "acme", **request: str) -> DocumentView:
        """Uploaded, and nobody has said so."""
        made = self.register(len(body), tenant, **request)
        ticket = self.store.presign_put(made.key, made.content_type, max(len(body), 1), timedelta(minutes=5))
        requests.put(ticket.url, data=body, headers=dict(ticket.headers or {}), timeout=10).raise_for_status()
        return made

    def upload(self, body: bytes, tenant: str = "acme", **request: str) -> DocumentView:
        made = self.put(body, tenant, **request)
        seen = self.store.head(made.key)
        assert seen is not None
        assert self.ledger.arrive(seen).outcome == "queued"
        return made

    def see(self, document: DocumentView) -> DocumentView:
        return self.ledger.document(document.tenant, document.id)

    def code(self, document: DocumentView) -> str | None:
        error = self.see(document).served.error
        return None if error is None else error.code


@pytest.fixture
def desk(ledger: PostgresLedger, database_url: str, store_settings: Settings, tmp_path: Path) -> Iterator[Desk]:
    ledger.create_key("acme", ())
    decoder = DecoderProcess(store_settings)
    own = DatabaseThatGoesAway.connect(database_url)
    assert isinstance(own, DatabaseThatGoesAway)
    yield Desk(own, StoreThatGoesAway(store_settings), store_settings, tmp_path, World(ledger, database_url), decoder)
    decoder.close()
    own.dispose()


def _tiff(pages: int, width: int = 40) -> bytes:
    first, *others = [Image.new("L", (width, 30), 255 - number) for number in range(pages)]
    file = io.BytesIO()
    first.save(file, "TIFF", save_all=True, append_images=others)
    return file.getvalue()


def test_every_page_is_recognised_once_and_the_rest_is_offered_to_other_workers(desk: Desk) -> None:
    document = desk.upload(_tiff(3))
    desk.work(later=False)
    assert desk.see(document).served.status is Status.SUCCEEDED
    assert desk.wakes.sent == 2
    assert [desk.ledger.content("acme", document.id, page)[1].pages[0].result.text for page in (1, 2, 3)] == ["page 1", "page 2", "page 3"]  # type: ignore[union-attr]


def test_the_scratch_folder_is_left_with_no_more_than_its_bound(desk: Desk) -> None:
    desk.settings = replace(desk.settings, scratch_bytes=2 * len(_tiff(1)))
    for _ in range(4):
        desk.upload(_tiff(1))
    desk.work()
    assert sum(file.stat().st_size for file in desk.scratch.rglob("*") if file.is_file()) <= desk.settings.scratch_bytes


def test_an_object_that_would_never_find_room_is_rejected(desk: Desk) -> None:
    desk.settings = replace(desk.settings, scratch_bytes=10)
    document = desk.upload(_tiff(1))
    desk.work(later=False)
    assert (desk.see(document).served.status, desk.code(document)) == (Status.REJECTED, "object_too_large")


def test_no_bytes_are_left_in_the_scratch_folder_when_nothing_is_due(desk: Desk) -> None:
    desk.upload(_tiff(2))
    desk.work(later=False)
    assert [file for file in desk.scratch.rglob("*") if file.is_file()] == []


def test_a_file_that_somebody_tidied_away_is_fetched_again(desk: Desk) -> None:
    seen = desk.store.head(desk.upload(_tiff(1)).key)
    assert seen is not None
    scratch = Scratch(desk.scratch, 10**6)
    with scratch.hold(seen, desk.store) as held:
        held.path.unlink()
    with scratch.hold(seen, desk.store) as held:
        assert held.path.read_bytes() == _tiff(1)


def test_the_folder_of_a_killed_worker_is_removed_and_a_living_ones_stays(desk: Desk) -> None:
    seen = desk.store.head(desk.upload(_tiff(1)).key)
    assert seen is not None
    killed = desk.scratch / "worker-killed"
    killed.mkdir()
    first, second = Scratch(desk.scratch, 10**6), Scratch(desk.scratch, 10**6)
    with first.hold(seen, desk.store) as one, second.hold(seen, desk.store) as other:
        assert one.path != other.path
        assert one.path.exists()
        assert not killed.exists()


def test_an_object_that_its_store_cannot_give_ends_instead_of_being_tried_for_ever(desk: Desk) -> None:
    document = desk.upload(_tiff(1))
    desk.store.outages = 99  # of this object alone: the bucket answers
    for _ in range(3):
        desk.work()
    assert (desk.see(document).served.status, desk.code(document)) == (Status.FAILED, "fetch_failed")


def test_a_store_that_is_back_before_it_is_asked_again_costs_no_failure(desk: Desk) -> None:
    document = desk.upload(_tiff(1))
    desk.store.outages = 1
    desk.work()
    assert desk.see(document).served.status is Status.SUCCEEDED
    assert desk.world.sql("SELECT max(failures) AS most, max(attempt) AS claims FROM work") == [(0, 1)]


def test_a_store_that_has_just_started_when_it_is_looked_for_costs_no_failure(desk: Desk) -> None:
    document = desk.upload(_tiff(1))
    desk.store.outages, desk.store.away_for_looks = 1, 1
    desk.work()
    desk.work()
    assert desk.see(document).served.status is Status.SUCCEEDED
    assert desk.world.sql("SELECT max(failures) AS most FROM work")[0].most == 0


def test_a_page_that_outlasts_its_lease_is_a_page_that_took_too_long(desk: Desk) -> None:
    document = desk.upload(_tiff(1))
    desk.engine.mishaps = [errors.Interrupted()] * 9  # what the children raise when the clock says stop; nobody told the host to
    for _ in range(3):
        desk.work()
    assert (desk.see(document).served.status, desk.code(document)) == (Status.FAILED, "page_timeout")


def test_a_busy_recogniser_costs_neither_a_failure_nor_minutes(desk: Desk) -> None:
    document = desk.upload(_tiff(1))
    desk.engine.mishaps = [errors.EngineBusy() for _ in range(6)]
    for _ in range(7):
        desk.worker().run(Ever())
        desk.world.later(seconds=3)
    assert desk.see(document).served.status is Status.SUCCEEDED
    assert desk.world.sql("SELECT max(failures) AS most FROM work")[0].most == 0


def test_no_more_calls_than_the_fan_out_work_at_once(desk: Desk) -> None:
    desk.settings = replace(desk.settings, ocr_fanout=1)
    desk.upload(_tiff(1))
    worker, seen = desk.worker(), []

    class Nested(NumberingEngine):
        def recognise(self, pages: Iterable[PageRaster], *, clock: Clock | None = None) -> Iterator[RecognisedPage]:
            seen.append(worker.run(Ever()))
            return super().recognise(pages, clock=clock)

    worker._engine = Nested()
    assert worker.run(Ever()) == {"handled": 2}
    assert seen == [{"handled": 0, "full": True}]


def test_a_store_that_is_away_for_a_while_costs_no_failure(desk: Desk) -> None:
    document = desk.upload(_tiff(2))
    desk.store.outages, desk.store.away = 5, True
    for _ in range(6):
        desk.work()
    assert desk.see(document).served.status is Status.SUCCEEDED
    assert desk.world.sql("SELECT max(failures) AS most FROM work")[0].most == 0


def test_a_finished_page_outlives_a_database_that_is_away_for_a_moment(desk: Desk) -> None:
    document = desk.upload(_tiff(1))
    desk.ledger.outages = 2
    desk.work(later=False)
    assert desk.see(document).served.status is Status.SUCCEEDED


def test_a_page_that_fails_once_succeeds_at_the_next_try(desk: Desk) -> None:
    document = desk.upload(_tiff(1))
    desk.engine.mishaps = [errors.EngineCrashed()]
    desk.work()
    assert desk.see(document).served.status is Status.SUCCEEDED


@pytest.mark.parametrize("mishap", [errors.EngineCrashed(), errors.PageTimeout(), ZeroDivisionError("a defect of ours")])
def test_a_page_that_always_fails_ends_and_the_rest_is_delivered(desk: Desk, mishap: Exception) -> None:
    document = desk.upload(_tiff(2))
    desk.engine.mishaps = [mishap]
    desk.work(later=False)  # page 1 fails, page 2 succeeds
    desk.engine.mishaps = [mishap] * 5
    for _ in range(3):
        desk.work()
    served = desk.see(document).served
    assert (served.status, served.pages.done, served.pages.failed) == (Status.PARTIAL, 1, 1)
    assert served.error is not None
    assert served.error.page == 1


def test_a_worker_that_is_told_to_stop_hands_over_without_a_failure(desk: Desk) -> None:
    document = desk.upload(_tiff(1))
    stop = Ever()

    class Stopping(NumberingEngine):
        def recognise(self, pages: Iterable[PageRaster], *, clock: Clock | None = None) -> Iterator[RecognisedPage]:
            stop.stopped = True
            raise errors.Interrupted

    desk.engine = Stopping()
    desk.worker().run(stop)
    assert desk.see(document).served.status is Status.PROCESSING
    desk.engine = NumberingEngine()
    desk.work(later=False)
    assert desk.see(document).served.status is Status.SUCCEEDED
    assert desk.world.sql("SELECT max(failures) AS failures, max(lost) AS lost FROM work")[0] == (0, 0)


def test_a_stopped_worker_begins_nothing(desk: Desk) -> None:
    document = desk.upload(_tiff(1))
    assert desk.worker().run(Ever(stopped=True)) == {"handled": 0}
    assert desk.see(document).served.status is Status.QUEUED


def test_the_declared_checksum_is_compared(desk: Desk) -> None:
    body = _tiff(1)
    right, wrong = desk.upload(body, sha256=hashlib.sha256(body).hexdigest()), desk.upload(body, sha256="0" * 64)
    desk.work()
    assert desk.see(right).served.status is Status.SUCCEEDED
    assert (desk.see(wrong).served.status, desk.code(wrong)) == (Status.REJECTED, "checksum_mismatch")


def test_an_object_larger_than_the_limit_is_rejected_unread(desk: Desk) -> None:
    desk.settings = replace(desk.settings, max_object_bytes=10)
    document = desk.upload(_tiff(1))
    desk.store.outages = 9  # a fetch would show
    desk.work(later=False)
    assert (desk.see(document).served.status, desk.code(document)) == (Status.REJECTED, "object_too_large")


def test_an_object_that_was_overwritten_before_it_was_read_is_rejected(desk: Desk) -> None:
    document = desk.upload(_tiff(1))
    desk.store._client.put_object(Bucket=desk.settings.s3_bucket, Key=document.key, Body=b"something else")
    desk.work()
    assert (desk.see(document).served.status, desk.code(document)) == (Status.REJECTED, "object_changed")


def test_an_object_that_was_removed_before_it_was_read_is_rejected(desk: Desk) -> None:
    document = desk.upload(_tiff(1))
    desk.store.delete(document.key)
    desk.work()
    assert (desk.see(document).served.status, desk.code(document)) == (Status.REJECTED, "object_missing")
