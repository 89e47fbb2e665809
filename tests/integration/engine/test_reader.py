"""Two networks read together: what the quick one doubts the careful one reads again, and the rest of the line stays as it was."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from docusnap.adapters.onnx.reader import ADVANCE, DOUBT, FEW, HARD, NARROWED, SAMPLE, SHORT, SOME, SURE, USUAL, Reader, doubtful, narrowing
from docusnap.adapters.onnx.recogniser import Character, Reading, Recogniser
from numpy.typing import NDArray
from PIL import Image

from tests.support.engine import error_rate, page, truth
from tests.support.lettering import pixels
from tests.support.networks import lines_of, recogniser

STEP = 10  # pixels of a character
LINE = "the keeper reads the brass staff, and writes it all down"  # longer than what is read again as a whole


def mumbled(text: str, confidence: float = 0.3) -> Reading:
    """A reading whose characters in brackets are in doubt, each a step wide."""
    letters, certain, doubt = [], [], False
    for letter in text:
        if letter in "[]":
            doubt = letter == "["
        else:
            letters.append(letter)
            certain.append(confidence if doubt else 0.99)
    return Reading(tuple(Character(t, c, (i + 0.5) / len(letters)) for i, (t, c) in enumerate(zip(letters, certain, strict=True))))


def words(text: str) -> list[str]:
    """The words of a mumbled line that are in doubt."""
    characters = mumbled(text).characters
    return ["".join(c.text for c in characters[start:end]) for start, end in doubtful(characters)]


MUCH = [mumbled(LINE)] * round(SOME / HARD / len(LINE))  # so that what is in doubt of one line more is a small part


class Mumbling(Recogniser):
    """A quick network that reads these lines, whatever it is shown."""

    def __init__(self, *lines: Reading) -> None:
        self.lines = iter(lines)

    def read(self, rasters: Sequence[NDArray[Any]], squeeze: float = 1.0) -> list[Reading]:
        return [next(self.lines) for _ in rasters]


class Correcting(Recogniser):
    """A careful network that answers the same to everything, and remembers how wide that was."""

    def __init__(self, answer: Reading) -> None:
        self.answer = answer
        self.widths: list[int] = []

    def read(self, rasters: Sequence[NDArray[Any]], squeeze: float = 1.0) -> list[Reading]:
        self.widths += [raster.shape[1] for raster in rasters]
        return [self.answer for _ in rasters]


def raster(reading: Reading) -> NDArray[Any]:
    return np.full((48, STEP * len(reading.characters), 3), 255, np.uint8)


def read(line: str, answer: Reading, confidence: float = 0.3) -> tuple[Reading, list[int]]:
    """The line as both read it on a page with much else, and the widths of what was read again, in characters."""
    page, careful = [mumbled(line, confidence), *MUCH], Correcting(answer)
    mended, *_ = Reader(Mumbling(*page), careful).read([raster(reading) for reading in page])
    return mended, [round(width / STEP) for width in careful.widths]


# --- What is read again -----------------------------------------------------------------------------------------------


def test_the_lines_of_these_tests_are_longer_than_what_is_read_again_as_a_whole() -> None:
    assert len(LINE) > SHORT


@pytest.mark.parametrize(
    ("line", "again"),
    [
        (LINE, []),
        ("the keeper reads the br[a]ss staff, and writes it all down", ["brass"]),
        ("the keeper reads the [b]ras[s] staff, and writes it all down", ["brass"]),
        ("[t]he keeper reads the brass staff, and writes it all dow[n]", ["the", "down"]),
        ("the k[e]eper reads the brass staff, and wr[i]tes it all down", ["keeper", "writes"]),
        ("the keeper reads[ ]the brass staff, and writes it all down", ["reads the"]),
        ("the [keeper reads the brass staff, an]d writes it all down", ["".join(LINE)]),
        ('the keeper reads the "brass staff, and writes it all down', []),
        ("the keeper reads the brass – and writes it all down today", []),
        ("the keeper reads the brass - and writes it all down today", ["brass - and"]),
        ("the keeper reads the well-known staff, and writes it down", []),
        ("o the keeper reads the brass staff, and writes it all down", ["o the"]),
        ("the keeper reads the brass staff, and writes it all down x", ["down x"]),
    ],
)
def test_the_words_that_hold_a_character_in_doubt_are_read_again(line: str, again: list[str]) -> None:
    assert words(line) == again


def test_a_short_line_in_doubt_is_read_again_as_a_whole() -> None:
    assert words("br[a]ss staff") == ["brass staff"]
    assert words("brass staff") == []


def test_of_ideographs_only_the_neighbours_are_read_again() -> None:
    line = "清晨六点河边的小镇慢慢醒来卖豆浆的[老]人推着木车走过石桥车轮压在青石板上"

    assert words(line) == ["浆的老人推"]


def test_ideographs_in_doubt_that_stand_close_are_read_as_one() -> None:
    line = "清晨六点河边的小镇慢慢醒来卖豆[浆]的老[人]推着木车走过石桥车轮压在青石板上"

    assert words(line) == ["卖豆浆的老人推着"]


@pytest.mark.parametrize("line", ["", "[x]", "[我]", "-", " ", "[ ]", '"', "- -", "   -"])
def test_what_is_read_again_lies_within_the_line(line: str) -> None:
    characters = mumbled(line).characters

    assert all(0 <= start < end <= len(characters) for start, end in doubtful(characters))


def test_what_is_read_again_never_touches() -> None:
    random = np.random.default_rng(11)
    for _ in range(500):
        letters = random.choice(list('ab我 -"'), 60, p=[0.35, 0.3, 0.1, 0.2, 0.025, 0.025])
        characters = [Character(str(letter), float(random.random() > 0.08), 0.5) for letter in letters]
        spans = doubtful(characters)

        assert all(end < start for (_, end), (start, _) in itertools.pairwise(spans))
        held = {index for start, end in spans for index in range(start, end)}
        assert held >= {index for index, character in enumerate(characters) if character.confidence < DOUBT}


# --- What comes of it -------------------------------------------------------------------------------------------------


def test_only_the_word_in_doubt_is_shown_and_replaced() -> None:
    mended, again = read("the keeper reads the br[e]ss staff, and writes it all down", mumbled("brass"))

    assert mended.text == LINE
    assert again == [len("brass")]


def test_a_longer_word_takes_the_place_and_every_character_follows_the_one_before() -> None:
    mended, _ = read("the kee[q]er reads the brass staff, and writes it [a]l down", mumbled("engineer"))

    assert mended.text == "the engineer reads the brass staff, and writes it engineer down"
    positions = [character.position for character in mended.characters]
    assert positions == sorted(set(positions))
    assert 0 < positions[0] < positions[-1] < 1


def test_the_other_characters_stay_where_they_were() -> None:
    before = mumbled("the kee[q]er reads the brass staff, and writes it all down").characters
    mended, _ = read("the kee[q]er reads the brass staff, and writes it all down", mumbled("skipper"))

    assert mended.characters[:4] == before[:4]
    assert mended.characters[-40:] == before[-40:]


@pytest.mark.parametrize("answer", [mumbled(""), mumbled("[bruss]", 0.2), mumbled("bras[s]", 0.29)])
def test_a_careful_network_that_sees_less_changes_nothing(answer: Reading) -> None:
    mended, _ = read("the keeper reads the br[e]ss staff, and writes it all down", answer)

    assert mended == mumbled("the keeper reads the br[e]ss staff, and writes it all down")


def test_a_line_the_quick_network_is_sure_of_is_not_read_again() -> None:
    mended, again = read(LINE, mumbled("something else"))

    assert (mended.text, again) == (LINE, [])


def test_a_page_of_little_text_is_read_again_as_a_whole() -> None:
    sign, careful = [mumbled("bread 2.40"), mumbled("total 2.40")], Correcting(mumbled("2.45"))

    assert [line.text for line in Reader(Mumbling(*sign), careful).read([raster(line) for line in sign])] == ["2.45", "2.45"]
    assert careful.widths == [10 * STEP, 10 * STEP]


@pytest.mark.parametrize(("unsure", "again"), [(SOME, "keeper"), (SOME + 1, LINE)])
def test_a_few_characters_in_doubt_do_not_make_a_page_hard(unsure: int, again: str) -> None:
    """Each such word is read again by itself; with one more in doubt their lines are."""
    note = [*[mumbled(LINE)] * 3, *[mumbled("the kee[q]er reads the brass staff, and writes it all down")] * unsure]
    careful = Correcting(mumbled(again))

    Reader(Mumbling(*note), careful).read([raster(line) for line in note])
    assert careful.widths == [STEP * len(again)] * unsure


@pytest.mark.parametrize("together", [1, 3, 50])
def test_on_a_hard_page_a_line_stays_where_each_of_its_characters_is_sure(together: int) -> None:
    doubtful, unsure = (mumbled("the kee[q]er reads the brass staff, and writes it all down", level) for level in (DOUBT - 0.1, SURE - 0.1))
    sure, alone = mumbled(LINE, SURE), mumbled("the keeper reads the brass staff, and writes o all down")
    hard, careful = [sure, unsure, alone, *[doubtful] * FEW, sure, unsure, Reading(())], Correcting(mumbled(LINE))

    found = Reader(Mumbling(*hard), careful, together=together).read(
        [raster(line) if line.characters else np.zeros((48, 90, 3), np.uint8) for line in hard]
    )
    assert [line.text for line in found[:2]] == [LINE, LINE]
    assert found[0] is sure
    assert found[2].text == f"the keeper reads the brass staff, and {LINE} down"
    assert {line.text for line in found[3:]} == {LINE}
    assert sorted(careful.widths) == sorted([STEP * len("writes o all"), 90, *[STEP * len(LINE)] * (FEW + 2)])


def test_on_other_pages_a_line_that_is_not_quite_sure_stays_too() -> None:
    mended, again = read("the kee[q]er reads the brass staff, and writes it all down", mumbled(LINE), SURE - 0.1)

    assert (mended.text, again) == ("the keeqer reads the brass staff, and writes it all down", [])


def test_doubts_in_vertical_lines_do_not_make_a_page_hard() -> None:
    """The networks see them from the side: what they doubt there is read again, and nothing else of the page."""
    column = mumbled("清晨六点河边的小镇慢慢醒来卖豆[浆]的老人推着木车走过石桥车轮压在青石板上")
    page, careful = [*[mumbled(LINE)] * SAMPLE, *[column] * (SOME + 1)], Correcting(mumbled("卖豆浆的老"))

    read = Reader(Mumbling(*page), careful).read([raster(line) for line in page], vertical=range(SAMPLE, len(page)))
    assert len(careful.widths) == SOME + 1
    assert [line.text for line in read] == [LINE] * SAMPLE + ["".join(c.text for c in column.characters)] * (SOME + 1)


def test_a_line_without_characters_stays_so() -> None:
    first = Reading(())

    assert Reader(Mumbling(first), Correcting(mumbled("ghost"))).read([np.zeros((48, 90, 3), np.uint8)]) == [first]


def test_no_lines_are_no_readings() -> None:
    assert Reader(Mumbling(), Correcting(mumbled("ghost"))).read([]) == []


@pytest.mark.parametrize("together", [1, 3, 50])
def test_lines_keep_their_order_however_many_are_read_together(together: int) -> None:
    """Few of them in doubt: with more their lines would be read again as a whole."""
    lines = [
        mumbled(f"line {number} of the {'book' if number % 10 else '[b]ook'} that the keeper left behind him") for number in range(FEW)
    ]
    quick, careful = Mumbling(*lines), Correcting(mumbled("log"))

    found = Reader(quick, careful, together=together).read([raster(line) for line in lines])
    said = [reading.text.split() for reading in found]
    assert [words[1] for words in said] == [str(number) for number in range(FEW)]
    assert [number for number, words in enumerate(said) if words[4] == "log"] == list(range(0, FEW, 10))


def test_lines_of_a_page_with_much_in_doubt_are_read_again_as_a_whole() -> None:
    lines = [mumbled("the keeper reads the br[e]ss staff, and writes it all down")] * FEW
    careful = Correcting(mumbled(LINE))

    found = Reader(Mumbling(*lines), careful).read([raster(line) for line in lines])
    assert {reading.text for reading in found} == {LINE}
    assert careful.widths == [STEP * len(LINE)] * FEW


# --- How wide lines are shown -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("letter", "squeeze"), [(2 * ADVANCE, NARROWED[0]), (1.25 * ADVANCE, 0.8), (ADVANCE, NARROWED[1]), (ADVANCE / 2, NARROWED[1])]
)
def test_lines_are_narrowed_to_what_their_letters_need(letter: float, squeeze: float) -> None:
    line = np.zeros((96, round(2 * letter * 100), 3), np.uint8)  # twice the height that the networks see

    assert narrowing([line], [mumbled("x" * 100)]) == pytest.approx(squeeze, abs=0.01)


def test_a_few_letters_do_not_tell_how_wide_the_type_is() -> None:
    line = np.zeros((48, 4000, 3), np.uint8)

    assert narrowing([line], [mumbled("x" * (FEW - 1))]) == USUAL
    assert narrowing([], []) == USUAL


# --- The real networks --------------------------------------------------------------------------------------------------


def test_both_networks_lose_less_of_coarse_type_than_the_quick_one_alone() -> None:
    """Chinese of eight pixels' height."""
    sheet = pixels(page("chinese").crop((0, 240, 1240, 700)))
    coarse = [np.asarray(Image.fromarray(line).reduce(4)) for line in lines_of(sheet, key=lambda quad: quad[0][1])]
    quick = recogniser()

    alone, both = (
        error_rate("".join(reading.text for reading in readings), "".join(truth("chinese").splitlines()[1:9]))
        for readings in (quick.read(coarse), Reader(quick, recogniser(careful=True)).read(coarse))
    )
    assert both < alone / 2
