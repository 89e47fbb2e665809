"""Whether a PDF page's own text is to be believed. Reading the pixels instead costs seconds; missing text costs the page.

All of these must hold, else the page is recognised from its pixels:

* at least `ENOUGH` characters that are no white space;
* nearly all of them have a meaning: no controls, private or unknown characters, no sign that the font's table is broken (a table with
  its bytes swapped makes Chinese of English: each character ends in 00; one that is shifted makes punctuation of letters);
* text covers at least a tenth of the area that pictures cover: a header or a stamp on a scan is not the page, while the invisible layer
  of a scan that was recognised before is;
* invisible text lies over a picture: elsewhere nobody sees it;
* the page is not mostly outlines: letters that were turned into curves are not in the text;
* lines follow each other down the page, in columns or not.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from docusnap.adapters.decoder.contents import WHOLE_PAGE, Contents
from docusnap.adapters.decoder.glyphs import BROKEN, SPACE, Glyph
from docusnap.model import Line

ENOUGH = 20
MAPPED = 0.98
WORDLIKE = 0.5  # letters, digits and characters among all but leaders
LEADERS = set("._-·…")  # a table of contents may be half of them
SWAPPED = 0.2
TEXT_TO_PICTURES = 0.1
PICTURED = 0.05  # of the page: fewer or smaller pictures carry no text that matters
SEGMENTS_A_CHARACTER, MANY_SEGMENTS = 20, 2000
UPWARDS = 0.3


def sound(glyphs: Sequence[Glyph], contents: Contents, page_pixels: int) -> bool:
    """See above; `page_pixels` is the page's area in the glyphs' pixels."""
    inked = [glyph for glyph in glyphs if glyph.text != SPACE]
    return (
        len(inked) >= ENOUGH
        and _meant(inked)
        and _covers(inked, contents, page_pixels)
        and _seen(inked, contents)
        and contents.segments <= max(MANY_SEGMENTS, SEGMENTS_A_CHARACTER * len(inked))
    )


def _meant(inked: Sequence[Glyph]) -> bool:
    count = len(inked)
    mapped = sum(glyph.text != BROKEN for glyph in inked)
    said = [glyph for glyph in inked if glyph.text not in LEADERS]
    wordlike = sum(glyph.text[0].isalnum() for glyph in said)
    swapped = sum(ord(glyph.text[0]) & 0xFF == 0 for glyph in inked)
    return mapped >= MAPPED * count and wordlike >= WORDLIKE * len(said) and swapped <= SWAPPED * count


def _covers(inked: Sequence[Glyph], contents: Contents, page_pixels: int) -> bool:
    text = sum(glyph.width * glyph.height for glyph in inked) / page_pixels
    return contents.pictured <= PICTURED or text >= TEXT_TO_PICTURES * contents.pictured


def _seen(inked: Sequence[Glyph], contents: Contents) -> bool:
    visible = sum(glyph.visible for glyph in inked)
    return visible >= len(inked) / 2 or contents.pictured >= WHOLE_PAGE / 2


def ordered(lines: Sequence[Line]) -> bool:
    """Whether the order of the lines is one that a reader could follow: a line seldom stands above the one before it in its own column."""
    below = above = 0
    for first, second in itertools.pairwise(lines):
        if _overlap(first, second):
            below += second.polygon[0][1] >= first.polygon[0][1]
            above += second.polygon[3][1] <= first.polygon[0][1]
    return above <= UPWARDS * (above + below)


def _overlap(first: Line, second: Line) -> bool:
    (left, _), (right, _) = first.polygon[0], first.polygon[2]
    return second.polygon[0][0] < right and left < second.polygon[2][0]
