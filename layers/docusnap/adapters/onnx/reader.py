"""Two networks read together: a quick one every line, a careful one the words that the first is not sure of."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cache, partial
from itertools import compress
from typing import Any

from numpy.typing import NDArray

from docusnap.adapters.onnx.alphabet import is_ideograph
from docusnap.adapters.onnx.recogniser import Character, Reading, Recogniser, natural_width, replaced

SAMPLE = 4  # lines, or groups of them, that tell how wide the type is
ADVANCE = 17.0  # pixels a letter needs, at the height the networks see: two of their steps; with 14, an l or a comma gets lost now and then
NARROWED = (0.65, 1.0)  # at most and at least: figures among ideographs need the first
USUAL = 0.85  # the narrowing where the sample tells nothing, and the careful network's in a line that the quick one has read
WHOLE = (0.7, 0.85)  # the careful network's of whole lines
DOUBT = 0.5  # confidence of a character below which its word is read again
HARD = 0.003  # of a page's characters, of a clean one's 0.002: with more in doubt it is hard, and the quick network wrongly sure;
SOME = 4  # characters: but not for so few, which are read again by themselves
SURE = 0.85  # the least confidence of a line's characters from which it is believed on a hard page; the careful network reads all others
MANY = 30_000  # pixels of lines to be read again as a whole, from which it is worth to load the careful network with few classes
LITTLE = 250  # characters: and all of a page of no more; a sign or a small form costs little, and each of its characters counts
FEW = 30  # letters: fewer do not tell how wide the type is
ALIKE = frozenset("•ı")  # what the quick network writes for several characters, and is sure of; letters with accents beside
ALONE = frozenset("-—一cosuvwxzCOSUVWXZ")  # the same, where it is all of a word: only the words beside it tell which it is
MOST = 0.5  # of a line: if more of it is in doubt, all of it is read again,
SHORT = 16  # characters: and so is a line of no more
CONTEXT = 2  # ideographs on either side of a doubtful one: they have no spaces to cut at

Raster = NDArray[Any]  # grey or RGB
Span = tuple[int, int]  # characters of a reading, from and up to
Spread = Callable[..., Iterable[Any]]  # map, by several threads


class Reader:
    """Reads the lines of a page. Safe to ask from several threads."""

    def __init__(
        self,
        quick: Recogniser,
        careful: Recogniser,
        *,
        western: tuple[Recogniser, Recogniser] | None = None,
        spread: Spread = map,
        together: int = 1,
    ) -> None:
        """`western`: a quick and a careful one, which take their places on pages without ideographs. `spread` shares the work out,
        `together` lines at once.
        """
        self._quick, self._careful = quick, careful
        self._western = western or (quick, careful)
        self._spread, self._together = spread, together

    @property
    def usual(self) -> Sequence[Recogniser]:
        """All but the careful network with few classes: few pages need it, and it takes a quarter of a second to load."""
        return self._careful, self._quick, self._western[0]

    def read(self, rasters: Sequence[Raster], vertical: Collection[int] = ()) -> list[Reading]:
        """One reading per raster of a line, in the order given; the first of them tell how wide the type is.

        `vertical`: those that show a vertical line from the side.
        """
        sample = rasters[: SAMPLE * self._together]
        heard = self._by(self._quick, sample, USUAL)
        squeeze = narrowing(sample, heard)
        if is_little(rasters, sample, heard):
            return self.carefully(rasters, _whole(squeeze))
        quick = self._quick if has_ideographs(heard) else self._western[0]
        heard += self._by(quick, rasters[len(sample) :], squeeze)
        if is_hard([reading for index, reading in enumerate(heard) if index not in vertical]):
            return self._unsure_again(rasters, heard, _whole(squeeze))
        return self._words_again(rasters, heard)

    def carefully(self, rasters: Sequence[Raster], squeeze: float = 1.0) -> list[Reading]:
        """The careful network's reading of each raster, and no other's."""
        return self._by(self._careful, rasters, squeeze)

    def _by(self, network: Recogniser, rasters: Sequence[Raster], squeeze: float) -> list[Reading]:
        together = [rasters[start : start + self._together] for start in range(0, len(rasters), self._together)]
        return [reading for some in self._spread(partial(network.read, squeeze=squeeze), together) for reading in some]

    def _for_whole_lines(self, rasters: Sequence[Raster], readings: Sequence[Reading]) -> Recogniser:
        """With few classes where there are many lines to read again, and no ideographs in sight."""
        wide = sum(natural_width(raster) for raster, reading in zip(rasters, readings, strict=True) if not is_sure(reading))
        return self._careful if wide <= MANY or has_ideographs(readings) else self._western[1]

    def _words_again(self, rasters: Sequence[Raster], readings: Sequence[Reading]) -> list[Reading]:
        mended = list(readings)
        doubts = [(index, span) for index, reading in enumerate(readings) for span in doubtful(reading.characters)]
        better = self.carefully([_part(rasters[index], readings[index].characters, span) for index, span in doubts], USUAL)
        for (index, span), reading in reversed(list(zip(doubts, better, strict=True))):
            mended[index] = _mended(mended[index], span, reading)
        return mended

    def _unsure_again(self, rasters: Sequence[Raster], readings: Sequence[Reading], squeeze: float) -> list[Reading]:
        """Of a hard page: all of a line that is not sure is read again."""
        unsure = [not is_sure(reading) for reading in readings]
        sure = [Reading(()) if doubted else reading for reading, doubted in zip(readings, unsure, strict=True)]
        better = self._by(self._for_whole_lines(rasters, readings), list(compress(rasters, unsure)), squeeze)
        return replaced(self._words_again(rasters, sure), unsure, better)


def narrowing(rasters: Sequence[Raster], readings: Sequence[Reading]) -> float:
    """By what lines like these may be narrowed, so that their letters keep the width they need."""
    letters = sum(not character.text.isspace() for reading in readings for character in reading.characters)
    if letters < FEW:
        return USUAL
    wide = sum(natural_width(raster) for raster in rasters) / letters
    return min(max(ADVANCE / wide, NARROWED[0]), NARROWED[1])


def _whole(squeeze: float) -> float:
    """The careful network's narrowing of whole lines."""
    return min(max(squeeze, WHOLE[0]), WHOLE[1])


def has_ideographs(readings: Sequence[Reading]) -> bool:
    return any(is_ideograph(character.text) for reading in readings for character in reading.characters)


def is_little(rasters: Sequence[Raster], sample: Sequence[Raster], readings: Sequence[Reading]) -> bool:
    """Whether a page holds some characters, but no more than `LITTLE`, if its other lines are like the sample."""
    letters, wide = sum(len(reading.characters) for reading in readings), sum(map(natural_width, sample))
    return 0 < sum(map(natural_width, rasters)) * letters <= LITTLE * wide


def is_hard(readings: Sequence[Reading]) -> bool:
    """Whether the quick network is out of its depth."""
    confidences = [character.confidence for reading in readings for character in reading.characters]
    return sum(confidence < DOUBT for confidence in confidences) > max(HARD * len(confidences), SOME)


def is_sure(reading: Reading) -> bool:
    """Whether the quick network is believed on a hard page."""
    return _weakest(reading.characters) >= SURE


def doubtful(characters: Sequence[Character]) -> list[Span]:
    """The words that hold a character in doubt, as spans that do not touch; all of the line where they are most of it."""
    spans: list[Span] = []
    for start, end in _words(characters):
        if spans and start <= spans[-1][1]:
            spans[-1] = spans[-1][0], max(end, spans[-1][1])
        else:
            spans.append((start, end))
    whole = len(characters) <= SHORT or sum(end - start for start, end in spans) > MOST * len(characters)
    return [(0, len(characters))] if spans and whole else spans


def _words(characters: Sequence[Character]) -> Iterator[Span]:
    for index, character in enumerate(characters):
        if _is_alone(characters, index):
            yield _reach(characters, index - 2, -1), _reach(characters, index + 2, 1) + 1
        elif character.confidence < DOUBT or character.text in ALIKE or _is_accented(character.text):
            yield _reach(characters, index, -1), _reach(characters, index, 1) + 1


@cache
def _is_accented(text: str) -> bool:
    """A Latin letter with something above or below, which may be dirt."""
    return not text.isascii() and unicodedata.decomposition(text[0]) != "" and unicodedata.name(text[0], "").startswith("LATIN")


def _is_alone(characters: Sequence[Character], index: int) -> bool:
    if characters[index].text not in ALONE:
        return False
    around = (*characters[max(0, index - 1) : index], *characters[index + 1 : index + 2])
    return all(neighbour.text.isspace() for neighbour in around)


def _reach(characters: Sequence[Character], index: int, step: int) -> int:
    """The last character of the word in one direction."""
    index = min(max(index, 0), len(characters) - 1)
    ideographs = 0
    while 0 <= index + step < len(characters) and not characters[index + step].text.isspace() and ideographs < CONTEXT:
        index += step
        ideographs += unicodedata.east_asian_width(characters[index].text[0]) == "W"
    return index


def _edges(characters: Sequence[Character], span: Span) -> tuple[float, float]:
    """Where the span begins and ends along the line, 0 to 1: between its outer characters and their neighbours."""
    start, end = span
    left = (characters[start - 1].position + characters[start].position) / 2 if start else 0.0
    right = (characters[end - 1].position + characters[end].position) / 2 if end < len(characters) else 1.0
    return left, right


def _part(raster: Raster, characters: Sequence[Character], span: Span) -> Raster:
    left, right = (round(edge * raster.shape[1]) for edge in _edges(characters, span))
    return raster[:, left : max(right, left + 1)]


def _mended(reading: Reading, span: Span, better: Reading) -> Reading:
    """The reading with a span read again, unless the second network saw less in it than the first."""
    old = reading.characters[span[0] : span[1]]
    if not better.characters or _weakest(better.characters) < _weakest(old):
        return reading
    left, right = _edges(reading.characters, span)
    new = tuple(Character(c.text, c.confidence, left + c.position * (right - left)) for c in better.characters)
    return Reading((*reading.characters[: span[0]], *new, *reading.characters[span[1] :]))


def _weakest(characters: Sequence[Character]) -> float:
    """The least confidence; 0 where nothing was read."""
    return min((character.confidence for character in characters), default=0.0)
