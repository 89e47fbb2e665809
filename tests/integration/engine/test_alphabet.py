"""The networks with few classes: as good where no ideographs stand, and they tell where some do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from docusnap.adapters import models
from docusnap.adapters.onnx.alphabet import WATCHING, few, is_ideograph, keep_few
from docusnap.adapters.onnx.crops import aspect
from docusnap.adapters.onnx.graph import changed, keep_classes
from docusnap.adapters.onnx.reader import MANY, SAMPLE, Reader
from docusnap.adapters.onnx.recogniser import Character, Reading, Recogniser, Western
from numpy.typing import NDArray
from PIL import Image

from tests.support.engine import page
from tests.support.lettering import pixels
from tests.support.networks import lines_of, recogniser, session

MODEL = models.default_dir() / models.QUICK_RECOGNISER.name
LINES = [
    Reading(tuple(Character(letter, 0.99, 0.5) for letter in text))
    for text in ("the keeper reads the brass staff", "清晨六点河边的小镇慢慢醒来")
]


@pytest.fixture(scope="module", params=[False, True], ids=["quick", "careful"])
def careful(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(scope="module")
def whole(careful: bool) -> Recogniser:
    return recogniser(careful)


@pytest.fixture(scope="module")
def western(careful: bool, whole: Recogniser) -> Western:
    model = models.RECOGNISER if careful else models.QUICK_RECOGNISER
    return Western(session(model, lambda parsed: keep_few(parsed, whole.alphabet)), whole)


def lines(name: str) -> list[NDArray[Any]]:
    """Of a drawn page, the longest first."""
    return lines_of(pixels(page(name)), key=lambda quad: -aspect(quad))


def beside(line: NDArray[Any], other: NDArray[Any], share: float) -> NDArray[Any]:
    """The first part of `other`, so many times as wide as it is high, set in the same type between two copies of `line`."""
    sized = np.full((line.shape[0], round(share * line.shape[0]), 3), 255, np.uint8)
    rows = min(len(line), len(other))
    columns = min(sized.shape[1], other.shape[1])
    sized[:rows, :columns] = other[:rows, :columns]
    gap = np.full((line.shape[0], line.shape[0] // 2, 3), 255, np.uint8)
    return np.hstack([line, gap, sized, gap, line])


# --- The model --------------------------------------------------------------------------------------------------------


def test_all_but_ideographs_is_kept_and_of_those_some_watch(whole: Recogniser) -> None:
    kept = few(whole.alphabet)
    texts = [whole.alphabet[known] for known in kept]
    ideographs = sum(map(is_ideograph, whole.alphabet))

    assert len(set(kept)) == len(kept)
    assert texts[0] == ""  # the blank
    assert {text for text in whole.alphabet if not is_ideograph(text)} <= set(texts)
    watching = -(-ideographs // WATCHING)
    assert [is_ideograph(text) for text in texts] == [False] * (len(texts) - watching) + [True] * watching


@pytest.mark.parametrize("faster", [False, True], ids=["as-on-a-gpu", "as-on-a-cpu"])
def test_the_classes_that_stay_are_scored_as_before(faster: bool) -> None:
    alphabet = recogniser().alphabet
    kept = few(alphabet)
    line = np.asarray(Image.fromarray(lines("chinese")[0]).resize((640, 48)), np.float32)
    values = (line / 127.5 - 1).transpose(2, 0, 1)[None]

    before, after = (
        session(models.QUICK_RECOGNISER, *changes, faster=faster).run(values)[0]
        for changes in ((), (lambda parsed: keep_few(parsed, alphabet),))
    )
    share = before[:, kept].sum(axis=1, keepdims=True)  # what the others had is shared out among them
    assert set(after.argmax(axis=1)) > {0}
    assert after == pytest.approx(before[:, kept] / share, rel=0.01, abs=1e-7)


def test_a_model_without_such_classes_is_refused() -> None:
    with pytest.raises(ValueError, match="6905 classes"):
        changed(MODEL.read_bytes(), [lambda parsed: keep_classes(parsed, [0, 1], 6905)])


# --- Lines ------------------------------------------------------------------------------------------------------------


def test_lines_without_ideographs_say_the_same_and_are_not_foreign(whole: Recogniser, western: Western) -> None:
    for name in ("two-columns", "form"):
        found = lines(name)
        readings = western.glance(found)
        assert [reading.text for reading in readings] == [reading.text for reading in whole.read(found)]
        assert not any(reading.foreign for reading in readings)


def test_lines_with_ideographs_are_foreign(whole: Recogniser, western: Western) -> None:
    found = lines("chinese")
    shown = [any(is_ideograph(letter) for letter in reading.text) for reading in whole.read(found)]

    assert sum(shown) > 10
    assert [reading.foreign for reading in western.glance(found)] == shown


@pytest.mark.parametrize("share", [1.2, 2.2, 3.2])
def test_a_few_ideographs_in_a_line_of_letters_are_seen(whole: Recogniser, western: Western, share: float) -> None:
    english = lines("two-columns")[0]
    mixed = [beside(english, other, share) for other in lines("chinese")[:12]]
    shown = [any(is_ideograph(letter) for letter in reading.text) for reading in whole.read(mixed)]

    assert sum(shown) >= 10
    assert [reading.foreign for reading in western.glance(mixed)] == shown


def test_a_line_with_ideographs_on_a_page_without_is_read_as_the_whole_network_does(whole: Recogniser, western: Western) -> None:
    english, chinese = lines("two-columns")[:12], lines("chinese")[0]
    sheet = [*english, chinese[:, : 4 * len(chinese)]]

    alone, together = (Reader(whole, whole, western=networks).read(sheet) for networks in (None, (western, western)))
    assert [reading.text for reading in together] == [reading.text for reading in alone]
    assert is_ideograph(together[-1].text[0])
    assert not any(reading.foreign for reading in together)


# --- The reader -------------------------------------------------------------------------------------------------------


class Told(Recogniser):
    """Reads the same line always, and counts how many it was shown."""

    def __init__(self, reading: Reading) -> None:
        self.reading, self.shown = reading, 0

    def read(self, rasters: Sequence[NDArray[Any]], squeeze: float = 1.0) -> list[Reading]:
        self.shown += len(rasters)
        return [self.reading] * len(rasters)


@pytest.mark.parametrize(("sample", "asked"), [(LINES[0], (SAMPLE, 20)), (LINES[1], (SAMPLE + 20, 0))], ids=["letters", "ideographs"])
def test_few_classes_do_where_the_longest_lines_show_no_ideographs(sample: Reading, asked: tuple[int, int]) -> None:
    quick, western = Told(sample), Told(LINES[0])
    rasters = [np.full((48, 400, 3), 255, np.uint8)] * (SAMPLE + 20)

    Reader(quick, quick, western=(western, western)).read(rasters)
    assert (quick.shown, western.shown) == asked


class Glancing(Western):
    """Sees in each line in turn what it is told."""

    def __init__(self, whole: Recogniser, *glimpses: Reading) -> None:
        self._whole, self._glimpses = whole, glimpses

    def glance(self, rasters: Sequence[NDArray[Any]], squeeze: float = 1.0) -> list[Reading]:
        return list(self._glimpses)


def test_a_line_that_may_show_ideographs_is_read_again_with_all() -> None:
    whole = Told(LINES[1])
    western = Glancing(whole, LINES[0], Reading(LINES[0].characters, foreign=True), LINES[0])

    assert western.read([np.full((48, 400, 3), 255, np.uint8)] * 3) == [LINES[0], LINES[1], LINES[0]]
    assert whole.shown == 1


@pytest.mark.parametrize(
    ("words", "width", "asked"),
    [(LINES[0], 300, (50, 0)), (LINES[0], 900, (0, 50)), (LINES[1], 900, (50, 0))],
    ids=["a-short-page", "a-long-page", "ideographs"],
)
def test_few_classes_do_for_a_hard_page_that_is_long(words: Reading, width: int, asked: tuple[int, int]) -> None:
    unsure = Reading(tuple(character._replace(confidence=0.4) for character in words.characters))
    quick, careful, western = Told(unsure), Told(words), Told(words)
    rasters = [np.full((48, width, 3), 255, np.uint8)] * 50
    assert 300 * 50 < MANY < 900 * 50

    Reader(quick, careful, western=(quick, western)).read(rasters)
    assert (careful.shown, western.shown) == asked
