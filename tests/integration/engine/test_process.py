"""The recogniser in its child process: what goes wrong there costs one page, and the next gets a fresh child."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from docusnap import errors
from docusnap.adapters import models
from docusnap.adapters.engine_process import EngineProcess
from docusnap.model import PageRaster, RecognisedPage
from docusnap.ports import Clock

from tests.support.doomed_engine import HANG, KILLED, NO_MEMORY, READ, SLOW, STUMBLE
from tests.support.engine import SETTINGS, changed, error_rate, page, raster, truth

DOOMED = [str(Path(__file__).parents[2] / "support/doomed_engine.py")]


@dataclass
class Bell:
    """A clock that says stop once it was rung."""

    rung: threading.Event = field(default_factory=threading.Event)

    def remaining(self) -> float:
        return 60.0

    def stopping(self) -> bool:
        return self.rung.is_set()


@pytest.fixture
def process() -> Iterator[EngineProcess]:
    """The real recogniser."""
    started = EngineProcess(SETTINGS)
    yield started
    started.close()


@pytest.fixture
def doomed() -> Iterator[EngineProcess]:
    """A child that meets the disaster which the page's number names; a page may take two seconds, a turn one."""
    started = EngineProcess(changed(page_seconds=2.0), DOOMED, turn_seconds=1.0)
    yield started
    started.close()


def ask(engine: EngineProcess, deed: int, clock: Clock | None = None) -> RecognisedPage:
    return next(engine.recognise([PageRaster(deed, 1, 1, None, b"\0\0\0")], clock=clock))


def test_pages_are_read_one_after_the_other_by_one_child(process: EngineProcess) -> None:
    results = process.recognise([raster(page("form"), 1), raster(page("vertical"), 2)])

    first = next(results)
    born = process.pid
    second = next(results)
    assert (first.number, second.number) == (1, 2)
    assert error_rate(first.text, truth("form")) <= 0.01
    assert second.lines[0].words
    assert process.pid == born


def test_a_blank_page_comes_back_blank(process: EngineProcess) -> None:
    assert next(process.recognise([PageRaster(1, 90, 90, None, b"\xff" * 24300)])).empty


def test_pixels_that_are_no_raster_fail_their_page_and_the_child_lives_on(process: EngineProcess) -> None:
    with pytest.raises(errors.EngineFailed, match="reported an error") as caught:
        list(process.recognise([PageRaster(3, 100, 100, None, b"few")]))

    born = process.pid
    assert caught.value.page == 3
    assert next(process.recognise([raster(page("vertical"))])).lines
    assert process.pid == born


def test_a_recogniser_that_dies_in_the_middle_costs_its_page_only(process: EngineProcess) -> None:
    list(process.recognise([raster(page("vertical"))]))
    born = process.pid
    assert born is not None
    os.kill(born, signal.SIGSTOP)  # so that it cannot be faster than the test
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(lambda: list(process.recognise([raster(page("chinese"), 5)])))
        time.sleep(0.5)
        os.kill(born, signal.SIGKILL)
        with pytest.raises(errors.EngineCrashed) as caught:
            reading.result()

    assert caught.value.page == 5
    assert next(process.recognise([raster(page("vertical"))])).lines
    assert process.pid != born


def test_a_killed_child_is_reported_as_a_crash_and_replaced(doomed: EngineProcess) -> None:
    ask(doomed, READ)
    born = doomed.pid
    with pytest.raises(errors.EngineCrashed) as caught:
        ask(doomed, KILLED)

    assert caught.value.page == KILLED
    assert ask(doomed, READ).empty
    assert doomed.pid != born


def test_a_child_that_died_between_two_pages_costs_none(doomed: EngineProcess) -> None:
    ask(doomed, READ)
    assert doomed.pid is not None
    os.kill(doomed.pid, signal.SIGKILL)
    os.waitid(os.P_PID, doomed.pid, os.WEXITED | os.WNOWAIT)

    assert ask(doomed, READ).empty


def test_a_page_that_takes_too_long_is_given_up_and_its_child_is_gone(doomed: EngineProcess) -> None:
    ask(doomed, READ)
    born = doomed.pid
    assert born is not None
    with pytest.raises(errors.PageTimeout) as caught:
        ask(doomed, HANG)

    assert caught.value.page == HANG
    with pytest.raises(ProcessLookupError):
        os.kill(born, 0)
    assert ask(doomed, READ).empty


def test_a_worker_told_to_stop_does_not_wait_for_its_page(doomed: EngineProcess) -> None:
    ask(doomed, READ)
    bell = Bell()
    threading.Timer(0.3, bell.rung.set).start()

    with pytest.raises(errors.Interrupted):
        ask(doomed, HANG, bell)


def test_a_worker_told_to_stop_does_not_wait_for_its_turn(doomed: EngineProcess) -> None:
    ask(doomed, READ)
    bell = Bell()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(ask, doomed, SLOW)
        time.sleep(0.3)
        bell.rung.set()
        with pytest.raises(errors.Interrupted):
            ask(doomed, READ, bell)
        assert slow.result().empty


def test_who_waits_too_long_for_a_turn_is_told_so_before_its_lease_runs_out(doomed: EngineProcess) -> None:
    ask(doomed, READ)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(ask, doomed, SLOW)
        time.sleep(0.1)
        with pytest.raises(errors.EngineBusy):
            ask(doomed, READ)
        assert slow.result().empty


def test_an_error_inside_the_child_fails_the_page_and_not_the_child(doomed: EngineProcess, caplog: pytest.LogCaptureFixture) -> None:
    ask(doomed, READ)
    born = doomed.pid
    with pytest.raises(errors.EngineFailed) as caught:
        ask(doomed, STUMBLE)

    assert "stumbled" in caplog.text  # what went wrong inside is for the operator's log …
    assert "stumbled" not in caught.value.problem.message  # … not for the page's owner

    assert doomed.pid == born


def test_a_page_too_large_for_memory_fails_and_is_not_called_bad_input(doomed: EngineProcess) -> None:
    with pytest.raises(errors.EngineFailed):
        ask(doomed, NO_MEMORY)


def test_results_can_be_awaited_without_holding_up_other_threads(doomed: EngineProcess) -> None:
    waiting = doomed.recognise([PageRaster(READ, 1, 1, None, b"\0\0\0")] * 2)
    next(waiting)

    assert ask(doomed, READ).empty
    assert next(waiting).empty


def test_several_threads_take_turns() -> None:
    engine = EngineProcess(SETTINGS, DOOMED)
    try:
        with ThreadPoolExecutor(4) as pool:
            assert all(page.empty for page in pool.map(lambda _: ask(engine, READ), range(40)))
    finally:
        engine.close()


def test_warming_up_starts_the_child_at_once(doomed: EngineProcess) -> None:
    doomed.warm()
    born = doomed.pid

    assert born is not None
    ask(doomed, READ)
    assert doomed.pid == born


def test_closing_leaves_no_process(doomed: EngineProcess) -> None:
    doomed.warm()
    born = doomed.pid
    assert born is not None
    doomed.close()

    with pytest.raises(ProcessLookupError):
        os.kill(born, 0)


def test_a_missing_model_is_a_sentence_that_says_what_brings_it(tmp_path: Path) -> None:
    with pytest.raises(errors.ConfigurationError, match=r"docusnap\.adapters\.models fetch"):
        EngineProcess(changed(ocr_model_dir=tmp_path))


def test_a_damaged_model_fails_its_pages_until_it_is_repaired(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for model in models.MODELS:
        shutil.copy(models.default_dir() / model.name, tmp_path)
    (tmp_path / models.DETECTOR.name).write_bytes(b"damaged")
    engine = EngineProcess(changed(ocr_model_dir=tmp_path))
    try:
        with pytest.raises(errors.EngineFailed, match="could not be started"):
            next(engine.recognise([raster(page("vertical"))]))
        assert f"{models.DETECTOR.name} is not the expected file" in caplog.text
        shutil.copy(models.default_dir() / models.DETECTOR.name, tmp_path)
        assert next(engine.recognise([raster(page("vertical"))])).lines
    finally:
        engine.close()


def test_the_parent_tells_what_reads_without_loading_it() -> None:
    program = (
        "import sys; from docusnap.adapters.engine_process import EngineProcess; from tests.support.engine import SETTINGS;"
        "EngineProcess(SETTINGS); print({'onnxruntime', 'cv2'} & {*sys.modules})"
    )

    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert told.stdout == "set()\n"


def test_the_engine_names_itself_and_its_models(process: EngineProcess) -> None:
    assert process.info.name == "onnx"
    assert "onnxruntime" in process.info.version
    assert {model.sha256[:8] for model in process.info.models} >= {"090f04ab", "6f327246", "193bab7a", "9ef676d6", "2f62c9bf"}
