"""A whole round: a page fails as often as it may, is a dead letter, is redriven, and succeeds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from docusnap import errors
from docusnap.dead import DeadLetters, Named
from docusnap.model import DeadFilter, DocumentView, PageRaster, RecognisedPage, Status
from docusnap.ports import Clock

from tests.integration.ocr.test_worker import Desk, NumberingEngine, _tiff, desk

__all__ = ["desk"]


def letters(desk: Desk) -> list[tuple[str, str, int, int]]:
    return [(letter.id, letter.problem.code, letter.failures, letter.lost) for letter in desk.ledger.dead(DeadFilter(), 10, None).items]


def redrive(desk: Desk, document: DocumentView) -> int:
    stage = DeadLetters(ledger=desk.ledger, waker=desk.wakes, max_queued=10, fanout=4)
    return stage.redrive(Named([document.id]))


def exhaust(desk: Desk) -> None:
    """Let every back-off pass, as often as a page may be tried."""
    for _ in range(desk.settings.page_failures):
        desk.work()


@pytest.mark.parametrize(
    "mishap", [errors.EngineCrashed(), errors.EngineFailed(), errors.PageTimeout(), RuntimeError("unexpected")], ids=repr
)
def test_a_page_that_fails_three_times_is_dead_and_succeeds_after_a_redrive(desk: Desk, mishap: Exception) -> None:
    document = desk.upload(_tiff(1))
    desk.engine.mishaps = [mishap] * 2
    exhaust(desk)
    assert letters(desk) == []  # it came through with its third try
    dead = desk.upload(_tiff(1))
    desk.engine.mishaps = [mishap] * 3
    exhaust(desk)
    code = mishap.code if isinstance(mishap, errors.DocuSnapError) else errors.ProcessingError.code
    assert letters(desk) == [(dead.id, code, 3, 0)]
    woken = desk.wakes.sent
    assert redrive(desk, dead) == 1
    assert desk.wakes.sent == woken + 1
    desk.work()
    assert {desk.see(one).served.status for one in (document, dead)} == {Status.SUCCEEDED}
    assert letters(desk) == []


class EngineThatChokesOnASecondPage(NumberingEngine):
    """Until it is mended."""

    mended = False

    def recognise(self, pages: Iterable[PageRaster], *, clock: Clock | None = None) -> Iterator[RecognisedPage]:
        for page in pages:
            if page.number == 2 and not self.mended:
                raise errors.EngineCrashed
            yield from super().recognise([page])


def test_of_a_partial_document_only_what_failed_is_read_again(desk: Desk) -> None:
    desk.engine = engine = EngineThatChokesOnASecondPage()
    document = desk.upload(_tiff(3))
    exhaust(desk)
    assert (desk.see(document).served.status, letters(desk)) == (Status.PARTIAL, [(document.id, "engine_crashed", 3, 0)])
    engine.mended = True
    redrive(desk, document)
    desk.work()
    assert (desk.see(document).served.status, desk.see(document).served.number) == (Status.SUCCEEDED, 1)
    assert [row.attempt for row in desk.world.sql("SELECT attempt FROM work ORDER BY page")] == [1, 1, 4, 1]


def test_a_redriven_page_that_goes_on_failing_is_dead_again_after_as_many_tries(desk: Desk) -> None:
    document = desk.upload(_tiff(1))
    desk.engine.mishaps = [errors.EngineCrashed()] * 6
    for _ in range(2):
        exhaust(desk)
        assert letters(desk) == [(document.id, "engine_crashed", 3, 0)]
        redrive(desk, document)
    assert desk.world.sql("SELECT max(attempt) FROM work WHERE page = 1")[0] == (6,)


def test_an_object_that_its_store_could_not_give_is_a_letter_and_succeeds_once_it_can(desk: Desk) -> None:
    document = desk.upload(_tiff(2))
    desk.store.outages = 6  # each fetch is tried twice
    exhaust(desk)
    assert letters(desk) == [(document.id, "fetch_failed", 3, 0)]
    redrive(desk, document)
    desk.work()
    assert desk.see(document).served.status is Status.SUCCEEDED


def test_hand_overs_and_rejected_files_make_no_letter(desk: Desk) -> None:
    desk.upload(b"no image at all")
    desk.store.away, desk.store.outages = True, 6
    document = desk.upload(_tiff(1))
    for _ in range(8):
        desk.work()
    assert letters(desk) == []
    assert desk.see(document).served.status is Status.SUCCEEDED
