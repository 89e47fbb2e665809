"""Which form an Accept header gets."""

from __future__ import annotations

import pytest
from docusnap.api.formats import choose
from docusnap.errors import FormatNotAvailable, UnknownFormat


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, "json"),
        ("", "json"),
        ("*/*", "json"),
        ("*", "json"),
        ("application/*", "json"),
        ("text/*", "text"),
        ("TEXT/Plain; charset=utf-8", "text"),
        ("text/plain, */*", "text"),
        ("application/json, text/plain", "json"),
        ("application/json;q=0.5, text/plain", "text"),
        ("text/plain;q=0.1, */*", "json"),
        ("application/json;q=0, */*", "text"),
        ("application/pdf, */*;q=0.1", "json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "json"),
        ("text/plain;q=nonsense", "text"),
        (" , text/plain ,", "text"),
    ],
)
def test_the_best_of_what_is_built_is_chosen(accept: str | None, form: str) -> None:
    assert choose(None, accept) == form


@pytest.mark.parametrize(
    "accept", ["application/pdf", "image/png", "text/markdown", "text/plain;q=0", "*/*;q=0", "nonsense", "application/json;q=0.0"]
)
def test_what_is_not_built_is_not_available(accept: str) -> None:
    with pytest.raises(FormatNotAvailable):
        choose(None, accept)


def test_a_name_wins_over_the_header() -> None:
    assert choose("text", "application/json") == "text"
    with pytest.raises(UnknownFormat):
        choose("docx", "application/json")
    with pytest.raises(FormatNotAvailable):
        choose("hocr", "application/json")
