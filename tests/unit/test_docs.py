"""What the documents say is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from docusnap import settings
from docusnap.errors import catalogue

ROOT = Path(__file__).parents[2]


def test_the_table_of_codes_is_the_code() -> None:
    rows = re.findall(
        r"^\| `([a-z_0-9]+)` \| (\d+) \| (yes|no) \| (.*?) \| (.*?) \|$", (ROOT / "docs/errors.md").read_text("utf-8"), re.MULTILINE
    )
    written = {row[0]: row[1:] for row in rows}
    known = {
        error.code: (str(error.http_status), "yes" if error.retryable else "no", " ".join((error.__doc__ or "").split()), error.remedy)
        for error in catalogue()
    }
    assert len(rows) == len(written), "a code stands twice"
    assert written == known


def test_every_code_belongs_to_one_error() -> None:
    codes = [error.code for error in catalogue()]
    assert sorted(codes) == sorted(set(codes))


def test_the_table_of_settings_is_the_code() -> None:
    rows = re.findall(
        r"^\| `([A-Z0-9_]+)`(?: \(or `\1(_FILE)`\))? \| (.*?) \| (.*?) \| .+ \|$",
        (ROOT / "docs/settings.md").read_text("utf-8"),
        re.MULTILINE,
    )
    written = {name: (default.strip("`"), takes, bool(file)) for name, file, default, takes in rows}
    known = {
        name.upper(): (
            {"!": "embedded"}.get(variable.default or "", variable.default or "unset"),
            variable.expects,
            name.upper() in settings.SECRETS,
        )
        for name, variable in settings._VARIABLES.items()
    }
    assert written == known


def test_every_test_that_the_documents_name_exists() -> None:
    written = {name for path in ROOT.glob("docs/*.md") for name in re.findall(r"`(test_\w+)`", path.read_text("utf-8"))}
    there = {
        name for path in ROOT.glob("tests/**/test_*.py") for name in re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
    }
    assert written
    assert written - there == set()
