"""Pages as the `ocr` function would commit them, without recognising anything."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from docusnap.adapters.postgres.ledger import PostgresLedger
from docusnap.model import Block, EngineInfo, Line, ModelFile, Problem, RecognisedPage, Word, Work

ENGINE = EngineInfo("onnx", "1", (ModelFile("det.onnx", "0" * 64),))
BOX = ((1.0, 2.0), (30.5, 2.0), (30.5, 12.0), (1.0, 12.0))
RETRY = timedelta(seconds=60)


def page(number: int, *lines: str) -> RecognisedPage:
    found = [Line(text, 0.98, BOX, (Word(text, 0.97, BOX),)) for text in lines]
    blocks = [Block("paragraph", 0, len(lines) - 1)] if lines else []
    return RecognisedPage(number, "ocr", 640, 480, None, 90, found, blocks)


def claim(ledger: PostgresLedger) -> Work:
    work = ledger.claim()
    assert work is not None, "nothing is due"
    return work


def split(ledger: PostgresLedger, pages: int) -> None:
    assert ledger.split(claim(ledger), pages, ENGINE)


def finish(ledger: PostgresLedger, *lines: str) -> int:
    """Commit the next page that is due; its number."""
    work = claim(ledger)
    assert ledger.finish(work, page(work.page, *lines))
    return work.page


def fail(ledger: PostgresLedger, code: str = "engine_failed", *, rejected: bool = False) -> None:
    work = claim(ledger)
    assert ledger.fail(work, Problem(code, "It did not work.", work.page or None), retry_in=None, rejected=rejected)


def recognise(ledger: PostgresLedger, pages: Sequence[Sequence[str]]) -> None:
    """Do all the work of the one document that is due."""
    split(ledger, len(pages))
    for lines in pages:
        finish(ledger, *lines)
