"""Poison is isolated: what crashes, hangs or eats memory costs attempts of its own page, and never other work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from docusnap.adapters.decoder.process import DecoderProcess
from docusnap.adapters.engine_process import EngineProcess
from docusnap.model import DocumentView, Status
from docusnap.settings import Settings

from tests.contract.ledger.world import at_once
from tests.integration.ocr.test_worker import Desk, Ever, _tiff, desk
from tests.support import doomed_engine, poisoned_decoder

__all__ = ["desk"]

TRIES = 2


def impatient(settings: Settings) -> Settings:
    return replace(settings, page_seconds=4.0, page_failures=TRIES, max_megapixels=1)


@contextmanager
def poisoned(desk: Desk) -> Iterator[None]:
    """The desk's decoder is one that meets disasters."""
    desk.settings = impatient(desk.settings)
    own, desk.decoder = desk.decoder, DecoderProcess(desk.settings, [str(Path(poisoned_decoder.__file__))])
    try:
        yield
    finally:
        desk.decoder.close()
        desk.decoder = own


@contextmanager
def doomed(desk: Desk) -> Iterator[None]:
    """The desk's recogniser is one that meets disasters, by the page's number."""
    desk.settings = impatient(desk.settings)
    desk.engine = engine = EngineProcess(desk.settings, [str(Path(doomed_engine.__file__))])  # type: ignore[assignment]
    try:
        yield
    finally:
        engine.close()


def work_in_threads(desk: Desk, threads: int) -> None:
    worker = desk.worker()
    at_once([lambda: worker.run(Ever())] * threads)


def counted(desk: Desk, document: DocumentView) -> dict[int, tuple[str, int, int]]:
    """What each page's work came to: its state, its failures, and the leases that ran out."""
    query = (
        "SELECT page, state, failures, lost FROM work JOIN revision ON id = revision_id WHERE document_id = :id AND page > 0 ORDER BY page"
    )
    return {row.page: (row.state, row.failures, row.lost) for row in desk.world.sql(query, id=document.id)}


def codes(desk: Desk, document: DocumentView) -> dict[int, str]:
    pages = desk.ledger.content(document.tenant, document.id, None)[1].pages
    return {page.number: page.error.code for page in pages if page.error}


DONE = ("succeeded", 0, 0)
GIVEN_UP = ("failed", TRIES, 0)


def test_poison_in_the_decoder_costs_its_own_pages_and_the_rest_is_delivered(desk: Desk) -> None:
    with poisoned(desk):
        poison = desk.upload(poisoned_decoder.text(8, segfault=2, die_of_memory=3, hang=4, spin=5, eat_memory=6, stumble=7))
        harmless = desk.upload(poisoned_decoder.text(1))
        desk.work(later=False)
        assert desk.see(harmless).served.status is Status.SUCCEEDED
        assert [page for page, found in counted(desk, poison).items() if found == DONE] == [1, 8]
        desk.work()
    served = desk.see(poison).served
    assert (served.status, served.pages.done, served.pages.failed) == (Status.PARTIAL, 2, 6)
    assert codes(desk, poison) == {
        2: "decoder_crashed",
        3: "decoder_crashed",
        4: "page_timeout",
        5: "page_timeout",
        6: "decoded_too_large",
        7: "decoder_crashed",
    }
    assert counted(desk, poison) == {
        **dict.fromkeys((1, 8), DONE),
        **dict.fromkeys((2, 3, 4, 5, 7), GIVEN_UP),
        6: ("failed", 1, 0),  # the input can never work: it is tried once
    }


def test_poison_in_the_recogniser_costs_its_own_pages_and_none_that_waits_for_its_turn(desk: Desk) -> None:
    with doomed(desk):
        poison = desk.upload(_tiff(7))
        harmless = desk.upload(_tiff(1))
        for _ in range(TRIES):
            work_in_threads(desk, 3)
            desk.world.later(hours=1)
    assert desk.see(harmless).served.status is Status.SUCCEEDED
    served = desk.see(poison).served
    assert (served.status, served.pages.done, served.pages.failed) == (Status.PARTIAL, 2, 5)
    assert codes(desk, poison) == {
        doomed_engine.KILLED: "engine_crashed",
        doomed_engine.HANG: "page_timeout",
        doomed_engine.STUMBLE: "engine_failed",
        doomed_engine.NO_MEMORY: "engine_failed",
        doomed_engine.SEGFAULT: "engine_crashed",
    }
    good = (doomed_engine.READ, doomed_engine.SLOW)
    assert counted(desk, poison) == {page: DONE if page in good else GIVEN_UP for page in range(1, 8)}


def test_a_file_whose_pages_cannot_even_be_counted_ends_and_the_next_is_read(desk: Desk) -> None:
    with poisoned(desk):
        poison = desk.upload(b'{"pages": 1, "poison": ')  # the double's own program stumbles over it
        harmless = desk.upload(poisoned_decoder.text(1))
        desk.work()
    assert (desk.see(poison).served.status, desk.code(poison)) == (Status.FAILED, "decoder_crashed")
    assert desk.see(harmless).served.status is Status.SUCCEEDED
