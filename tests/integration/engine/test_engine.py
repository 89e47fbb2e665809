"""Several pages and several askers at once: two pages ahead of the one that is delivered, in order, and an end whatever happens."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from docusnap import errors
from docusnap.adapters.onnx.engine import OnnxEngine
from docusnap.adapters.onnx.recogniser import Reading, Recogniser
from docusnap.model import PageRaster
from numpy.typing import NDArray
from PIL import Image

from tests.support.engine import page, raster
from tests.support.lettering import lettered

PATIENCE = 60.0  # seconds until a test calls it a hang


@pytest.fixture
def opened() -> Iterator[OnnxEngine]:
    """One of its own, so that a test may close it."""
    engine = OnnxEngine()
    yield engine
    engine.close()


def leaf(number: int, folio: str = "folio") -> PageRaster:
    """A small page that says which it is."""
    return raster(lettered(f"The book of tides, {folio} {100 + number}", size=32, paper=(800, 120), at=(40, 40)), number)


def said(number: int, folio: str = "folio") -> str:
    return f"The book of tides, {folio} {100 + number}"


def test_every_asker_gets_the_pages_it_gave_and_in_their_order(engine: OnnxEngine) -> None:
    folios = ["folio", "leaf", "sheet", "scroll"]
    together = threading.Barrier(len(folios))

    def ask(folio: str) -> list[tuple[int, str]]:
        together.wait(PATIENCE)
        return [(page.number, page.text) for page in engine.recognise(leaf(number, folio) for number in range(4))]

    with ThreadPoolExecutor(len(folios)) as askers:
        found = list(askers.map(ask, folios))
    assert found == [[(number, said(number, folio)) for number in range(4)] for folio in folios]


def test_two_pages_are_looked_at_while_one_is_delivered_and_no_more(engine: OnnxEngine) -> None:
    asked: list[int] = []
    ahead = threading.Event()

    def pages() -> Iterator[PageRaster]:
        for number in range(4):
            asked.append(number)
            if number == 2:
                ahead.set()
            yield leaf(number)

    results = engine.recognise(pages())
    assert asked == []
    assert next(results).number == 0
    assert ahead.wait(PATIENCE)
    assert asked == [0, 1, 2]
    assert [page.number for page in results] == [1, 2, 3]


def test_a_page_is_delivered_though_the_next_is_long_in_coming(engine: OnnxEngine) -> None:
    delivered = threading.Event()

    def pages() -> Iterator[PageRaster]:
        yield leaf(0)
        assert delivered.wait(PATIENCE)
        yield leaf(1)

    results = engine.recognise(pages())
    assert next(results).text == said(0)
    delivered.set()
    assert next(results).text == said(1)


def test_pages_before_one_that_cannot_be_read_are_delivered(opened: OnnxEngine) -> None:
    results = opened.recognise([leaf(1), PageRaster(2, 100, 100, None, b"few"), leaf(3)])

    assert next(results).text == said(1)
    with pytest.raises(errors.EngineFailed) as caught:
        next(results)
    assert caught.value.page == 2


def test_pages_before_the_source_breaks_off_are_delivered(opened: OnnxEngine) -> None:
    def torn() -> Iterator[PageRaster]:
        yield leaf(1)
        raise errors.StoreUnavailable("the rest of the file did not come")

    results = opened.recognise(torn())
    assert next(results).text == said(1)
    with pytest.raises(errors.StoreUnavailable):
        next(results)


def test_an_engine_reads_on_after_an_error_and_can_be_closed(opened: OnnxEngine) -> None:
    with pytest.raises(errors.EngineFailed):
        list(opened.recognise([PageRaster(1, 100, 100, None, b"few")]))

    assert [page.text for page in opened.recognise([leaf(2)])] == [said(2)]
    opened.close()


@pytest.mark.parametrize("error", [IndexError("beyond the end"), MemoryError("no more of it")], ids=lambda error: type(error).__name__)
def test_an_error_at_one_line_is_the_pages_own(opened: OnnxEngine, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    asked, as_it_is = itertools.count(), Recogniser.read

    def read(self: Recogniser, rasters: Sequence[NDArray[Any]], squeeze: float = 1.0) -> list[Reading]:
        if next(asked) == 20:
            raise error
        return as_it_is(self, rasters, squeeze)

    monkeypatch.setattr(Recogniser, "read", read)
    with pytest.raises(errors.EngineFailed, match=type(error).__name__) as caught:
        list(opened.recognise([raster(page("two-columns"), 7)]))

    assert caught.value.page == 7
    assert next(asked) < 30  # of more than sixty: lines behind it are not read for nothing


def test_no_pages_are_no_results(engine: OnnxEngine) -> None:
    assert list(engine.recognise([])) == []


def test_an_engine_that_was_asked_and_left_is_closed_all_the_same(opened: OnnxEngine) -> None:
    results = opened.recognise(leaf(number) for number in range(100))
    next(results)

    results.close()
    opened.close()
    assert not any(thread.is_alive() for thread in opened._readers._threads)
    assert not any(thread.name.startswith(("ocr-finder", "ocr-page")) for thread in threading.enumerate())


@pytest.mark.parametrize("leave", ["del results", "results.close()", "raise SystemExit(0)", "pass"])
def test_a_process_that_leaves_half_way_ends(leave: str) -> None:
    program = (
        "import itertools\n"
        "from docusnap.adapters.onnx.engine import OnnxEngine\n"
        "from tests.integration.engine.test_engine import leaf\n"
        "results = OnnxEngine(threads=2).recognise(leaf(number) for number in itertools.count())\n"
        "print(next(results).text, flush=True)\n"
        f"{leave}\n"
    )

    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=PATIENCE, env=_environ())
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{said(0)}\n", "")


def _environ() -> dict[str, str]:
    return {"PYTHONPATH": ":".join(filter(None, sys.path))}


def test_noise_is_a_page_without_lines(engine: OnnxEngine) -> None:
    (found,) = engine.recognise([raster(Image.effect_noise((800, 600), 120))])

    assert found.empty


def test_pixels_are_left_as_they_were(engine: OnnxEngine) -> None:
    page = leaf(1)
    before = bytes(page.pixels)

    list(engine.recognise([page]))
    assert bytes(page.pixels) == before
