"""Settings come from one environment, and all that is wrong with them is said at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from docusnap import settings
from docusnap.errors import ConfigurationError

REQUIRED = {"DATABASE_URL": "postgresql://me:secret@127.0.0.1/db", "S3_ENDPOINT_URL": "http://127.0.0.1:9000"}


def test_the_defaults_are_the_contracts() -> None:
    loaded = settings.load(REQUIRED)
    assert (loaded.max_object_bytes, loaded.max_pages, loaded.max_megapixels) == (100_000_000, 1_000, 100)
    assert (loaded.page_seconds, loaded.page_failures, loaded.upload_url_seconds) == (60, 3, 900)
    assert (loaded.scratch_bytes, loaded.max_json_bytes) == (512_000_000, 1_000_000)
    assert (loaded.ocr_work_seconds, loaded.ocr_fanout, loaded.sweep_batch) == (50, 4, 1_000)
    assert loaded.retention_days is None
    assert loaded.cors_origins == ()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_every_scheme_of_postgresql_means_psycopg2(scheme: str) -> None:
    loaded = settings.load({**REQUIRED, "DATABASE_URL": f"{scheme}://u:p@h/d"})
    assert loaded.database_url == "postgresql+psycopg2://u:p@h/d"


@pytest.mark.parametrize("url", ["sqlite:///docusnap.db", "mysql://h/d", "postgresql+asyncpg://h/d", "postgresql:/h", "nonsense"])
def test_any_other_scheme_is_refused_without_showing_the_url(url: str) -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL: the value given is not a URL postgresql://") as caught:
        settings.load({**REQUIRED, "DATABASE_URL": url})
    assert url not in str(caught.value)


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings.load({"MAX_PAGES": "many", "PAGE_SECONDS": "-1", "S3_ENDPOINT_URL": "ftp://x"})
    said = str(caught.value)
    assert all(name in said for name in ("DATABASE_URL", "MAX_PAGES", "'many'", "PAGE_SECONDS", "S3_ENDPOINT_URL"))


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    assert settings.load({**REQUIRED, "EVENTS_TOKEN_FILE": str(tmp_path / "token")}).events_token == "s3cret"


def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="EVENTS_TOKEN_FILE"):
        settings.load({**REQUIRED, "EVENTS_TOKEN_FILE": str(tmp_path / "absent")})


def test_clients_reach_the_store_where_docusnap_does_unless_told_otherwise() -> None:
    assert settings.load(REQUIRED).s3_public_endpoint_url == "http://127.0.0.1:9000"
    public = settings.load({**REQUIRED, "S3_PUBLIC_ENDPOINT_URL": "https://files.example/"})
    assert public.s3_public_endpoint_url == "https://files.example"


def test_lists_are_separated_by_commas() -> None:
    assert settings.load({**REQUIRED, "CORS_ORIGINS": "https://a.example, https://b.example"}).cors_origins == (
        "https://a.example",
        "https://b.example",
    )


@pytest.mark.parametrize(("name", "value"), [("OCR_ENGINE", "tesseract"), ("CNOCR_DETECTOR", "../elsewhere"), ("CNOCR_RECOGNISER", "a/b")])
def test_an_engine_that_there_is_not_and_a_name_that_is_a_path_are_refused(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name}: '{value}' is not"):
        settings.load({**REQUIRED, name: value})
