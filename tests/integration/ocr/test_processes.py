"""Workers in processes of their own: they share the pages of one document, and one that is killed loses its page alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from docusnap.model import DocumentView, Status

from tests.integration.ocr.test_worker import Desk, _tiff, desk
from tests.support.store import S3Gateway
from tests.support.waiting import eventually

__all__ = ["desk"]

ROOT = Path(__file__).parents[3]
Process = subprocess.Popen[str]


class Workers:
    """Starts workers on the desk's ledger and bucket."""

    def __init__(self, environ: dict[str, str], mark: Path) -> None:
        self._environ, self.mark = environ, mark
        self.started: list[Process] = []

    def start(self, *, seconds: float = 0, held: int = 0) -> Process:
        command = [sys.executable, "-m", "tests.support.worker_process", str(seconds), str(held), str(self.mark)]
        process = subprocess.Popen(command, env=self._environ, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self.started.append(process)
        return process

    def at(self, page: int) -> Process:
        """One that is at this page."""
        process = self.start(held=page)
        eventually(self.mark.exists, f"the worker is at page {page}", 120)
        return process


def handled(process: Process) -> int:
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return int(json.loads(out)["handled"])


@pytest.fixture
def workers(desk: Desk, s3_gateway: S3Gateway, database_url: str, tmp_path: Path) -> Iterator[Workers]:
    with _workers(desk, s3_gateway, database_url, tmp_path) as found:
        yield found


@contextmanager
def _workers(desk: Desk, gateway: S3Gateway, database_url: str, folder: Path) -> Iterator[Workers]:
    environ = gateway.environ(desk.settings.s3_bucket) | {"DATABASE_URL": database_url, "SCRATCH_DIR": str(folder / "scratch")}
    found = Workers({"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}/layers:{ROOT}"} | environ, folder / "mark")
    try:
        yield found
    finally:
        for process in found.started:
            process.kill()
            process.communicate()


def counted(desk: Desk) -> list[tuple[int, int, int, int]]:
    """Page, attempts, failures and lost leases of everything that is done."""
    rows = desk.world.sql("SELECT page, attempt, failures, lost FROM work WHERE state = 'succeeded' ORDER BY page")
    return [tuple(row) for row in rows]  # type: ignore[misc]


def readers(desk: Desk, document: DocumentView) -> list[str]:
    return [page.result.text for page in desk.ledger.content("acme", document.id, None)[1].pages if page.result]


def test_the_pages_of_one_document_are_done_by_two_processes_at_once_and_its_progress_is_seen(desk: Desk, workers: Workers) -> None:
    pages, progress = 12, list[int]()
    document = desk.upload(_tiff(pages))
    first = workers.at(1)
    second = workers.start(seconds=0.3)

    def all_but_one() -> bool:
        progress.append(desk.see(document).served.pages.done)
        return progress[-1] == pages - 1

    eventually(all_but_one, "the other process has done all other pages", 120)
    workers.mark.unlink()
    assert (handled(first), handled(second)) == (2, pages - 1)
    assert readers(desk, document) == [f"by {first.pid}"] + [f"by {second.pid}"] * (pages - 1)
    assert desk.see(document).served.status is Status.SUCCEEDED
    assert progress == sorted(progress)
    assert len(set(progress)) > 3
    assert counted(desk) == [(page, 1, 0, 0) for page in range(pages + 1)]


@pytest.mark.parametrize("page", [1, 3, 6])
def test_a_worker_that_is_killed_at_a_page_loses_that_page_alone(desk: Desk, workers: Workers, page: int) -> None:
    document = desk.upload(_tiff(6))
    workers.at(page).kill()
    seen = desk.see(document).served
    assert (seen.status, seen.pages.done) == (Status.PROCESSING, page - 1)
    assert len(readers(desk, document)) == page - 1
    desk.world.later(seconds=91)  # its lease runs out
    assert handled(workers.start()) == 6 - page + 1
    assert desk.see(document).served.status is Status.SUCCEEDED
    assert counted(desk) == [(number, 2, 0, 1) if number == page else (number, 1, 0, 0) for number in range(7)]


def test_a_worker_that_is_told_to_stop_hands_its_page_over_at_once_and_loses_nothing(desk: Desk, workers: Workers) -> None:
    document = desk.upload(_tiff(3))
    told = workers.at(2)
    told.send_signal(signal.SIGTERM)
    assert handled(told) == 3  # the split, the first page, and the second, which it handed over
    assert handled(workers.start()) == 2
    assert desk.see(document).served.status is Status.SUCCEEDED
    assert counted(desk) == [(0, 1, 0, 0), (1, 1, 0, 0), (2, 2, 0, 0), (3, 1, 0, 0)]


def test_a_worker_that_comes_back_after_it_was_presumed_dead_writes_nothing(desk: Desk, workers: Workers) -> None:
    document = desk.upload(_tiff(3))
    frozen = workers.at(2)
    frozen.send_signal(signal.SIGSTOP)
    desk.world.later(seconds=91)
    other = workers.start()
    assert handled(other) == 2
    done = desk.see(document)
    assert done.served.status is Status.SUCCEEDED
    frozen.send_signal(signal.SIGTERM)
    frozen.send_signal(signal.SIGCONT)  # it hands over what is no longer its own
    assert handled(frozen) == 3
    assert desk.see(document) == done
    assert readers(desk, document)[1] == f"by {other.pid}"
