"""What becomes of a page whose decoder crashes, hangs, eats memory or lies; and of the children."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from docusnap import errors
from docusnap.adapters.decoder.process import DecodedFile, DecoderProcess
from docusnap.model import OcrMode

from tests.integration.decoder.conftest import SETTINGS, changed
from tests.support import doomed_decoder
from tests.support.pages import corners, saved

DOOMED = [str(Path(doomed_decoder.__file__))]
Open = Callable[..., DecodedFile]


@pytest.fixture
def doomed(tmp_path: Path) -> Iterator[Callable[..., DecodedFile]]:
    """Opens a file whose decoding ends in the disaster named."""
    to_close: list[DecodedFile | DecoderProcess] = []

    def meet(disaster: str, seconds: float = 60) -> DecodedFile:
        (tmp_path / "file").write_text(disaster, "utf-8")
        decoder = DecoderProcess(changed(page_seconds=seconds, max_megapixels=1), DOOMED)
        file = decoder.open(tmp_path / "file")
        to_close.extend((file, decoder))
        return file

    yield meet
    for thing in to_close:
        thing.close()


class Stopping:
    """A clock of a process that was told to stop."""

    def remaining(self) -> float:
        return 0.0

    def stopping(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("disaster", "error"),
    [
        ("segfault", errors.DecoderCrashed),
        ("abort", errors.DecoderCrashed),
        ("abort_when_full", errors.DecodedTooLarge),
        ("leave", errors.DecoderCrashed),
        ("stumble", errors.DecoderCrashed),
        ("talk_nonsense", errors.DecoderCrashed),
        ("lie", errors.DecoderCrashed),
        ("spin", errors.PageTimeout),
        ("eat_memory", errors.DecodedTooLarge),
    ],
)
def test_a_disaster_in_the_decoder_is_an_error_of_the_page(doomed: Open, disaster: str, error: type[errors.DocuSnapError]) -> None:
    with pytest.raises(error):
        doomed(disaster).page(1, OcrMode.AUTO)


def test_a_page_that_never_ends_times_out(doomed: Open) -> None:
    with pytest.raises(errors.PageTimeout):
        doomed("hang", seconds=0.3).page(1, OcrMode.AUTO)


def test_a_crash_may_be_tried_again_and_a_file_too_large_may_not() -> None:
    assert errors.DecoderCrashed.retryable
    assert issubclass(errors.DecodedTooLarge, errors.InputError)


def test_the_next_call_after_a_crash_has_a_new_child(doomed: Open, tmp_path: Path) -> None:
    file = doomed("segfault")
    with pytest.raises(errors.DecoderCrashed):
        file.count()
    (tmp_path / "file").write_text("survive", "utf-8")
    assert file.count() == 1


def test_a_worker_that_is_told_to_stop_leaves_the_page_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("hang", "utf-8")
    decoder = DecoderProcess(SETTINGS, DOOMED)
    file = decoder.open(tmp_path / "file", clock=Stopping())
    with pytest.raises(errors.Interrupted):
        file.page(1, OcrMode.AUTO)
    file.close()
    decoder.close()


def test_no_two_files_share_a_child_and_closing_ends_them_all(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(saved(corners(), "PNG"))
    decoder = DecoderProcess(SETTINGS)
    files = [decoder.open(tmp_path / "file") for _ in range(3)]
    for file in files:
        file.count()
    pids = [file.pid for file in files]
    assert len(set(pids)) == 3
    for thing in (*files, decoder):
        thing.close()
    assert [gone(pid) for pid in pids] == [True] * 3


def test_a_nursery_that_was_killed_costs_neither_the_next_file_nor_the_one_that_is_open(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(saved(corners(), "PNG"))
    decoder = DecoderProcess(SETTINGS)
    first = decoder.open(tmp_path / "file")
    assert first.count() == 1
    assert first.pid is not None
    watch = os.pidfd_open(first.pid)
    os.kill(decoder.nursery.pid, signal.SIGKILL)
    assert select.select([watch], [], [], 60)[0]  # its child has ended with it
    os.close(watch)
    second = decoder.open(tmp_path / "file")
    assert (second.count(), first.count()) == (1, 1)
    for thing in (first, second, decoder):
        thing.close()


def gone(pid: int | None) -> bool:
    assert pid is not None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False
