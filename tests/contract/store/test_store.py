"""What a store must do, on a real one; what it must refuse is in `test_refusals.py`."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from boto3.s3.transfer import TransferConfig
from docusnap.adapters.s3 import S3Store, attachment
from docusnap.errors import ObjectChanged, ObjectMissing, StoreUnavailable
from docusnap.model import ObjectVersion, UploadTicket
from docusnap.settings import Settings

SOON = timedelta(minutes=5)
BODY = b"twelve bytes"


@pytest.fixture
def store(store_settings: Settings) -> S3Store:
    return S3Store(store_settings)


def _put(ticket: UploadTicket, body: bytes = BODY, **headers: str) -> requests.Response:
    return requests.put(ticket.url, data=body, headers={**(ticket.headers or {}), **headers}, timeout=10)


def _post(ticket: UploadTicket, body: bytes = BODY, **fields: str) -> requests.Response:
    return requests.post(ticket.url, data={**(ticket.fields or {}), **fields}, files={"file": body}, timeout=10)


def _uploaded(store: S3Store, key: str = "uploads/a") -> ObjectVersion:
    assert _put(store.presign_put(key, "image/png", len(BODY), SOON)).status_code == 200
    found = store.head(key)
    assert found is not None
    return found


def test_a_presigned_put_is_seen_by_head_and_by_the_listing_with_one_etag(store: S3Store) -> None:
    found = _uploaded(store)
    assert (found.size, found.etag, found.content_type) == (len(BODY), hashlib.md5(BODY, usedforsecurity=False).hexdigest(), "image/png")
    assert [(listed.key, listed.etag) for listed in store.list("uploads/", None, 10)] == [(found.key, found.etag)]


def test_an_object_is_fetched_with_its_sha256(store: S3Store, tmp_path: Path) -> None:
    assert store.fetch(_uploaded(store), tmp_path / "object", timeout=5) == hashlib.sha256(BODY).hexdigest()
    assert (tmp_path / "object").read_bytes() == BODY


def test_another_version_than_the_recorded_one_is_never_read(store: S3Store, tmp_path: Path) -> None:
    overwritten = replace(_uploaded(store), etag="0" * 32)
    with pytest.raises(ObjectChanged):
        store.fetch(overwritten, tmp_path / "object", timeout=5)
    assert not (tmp_path / "object").exists()


def test_an_object_that_is_gone_is_missing(store: S3Store, tmp_path: Path) -> None:
    found = _uploaded(store)
    store.delete(found.key)
    store.delete(found.key)
    assert store.head(found.key) is None
    with pytest.raises(ObjectMissing):
        store.fetch(found, tmp_path / "object", timeout=5)


def test_a_store_that_is_away_is_unavailable(store_settings: Settings, tmp_path: Path) -> None:
    away = S3Store(replace(store_settings, s3_endpoint_url="http://127.0.0.1:9"))
    assert not away.ready()
    with pytest.raises(StoreUnavailable):
        away.fetch(ObjectVersion("b", "k", "e", 1), tmp_path / "object", timeout=5)


def test_the_listing_goes_on_where_it_stopped(store: S3Store) -> None:
    for name in ("a", "b", "c"):
        _uploaded(store, f"incoming/{name}")
    first = store.list("incoming/", None, 2)
    assert [found.key for found in [*first, *store.list("incoming/", first[-1].key, 2)]] == ["incoming/a", "incoming/b", "incoming/c"]


def test_an_original_is_saved_under_its_name(store: S3Store) -> None:
    answer = requests.get(store.presign_get(_uploaded(store).key, "扫描 1.png", SOON), timeout=10)
    assert answer.content == BODY
    assert "filename*=UTF-8''%E6%89%AB%E6%8F%8F%201.png" in answer.headers["Content-Disposition"]


def test_a_post_within_its_policy_arrives(store: S3Store) -> None:
    assert _post(store.presign_post("uploads/p", "image/png", (1, 100), SOON)).status_code == 204
    assert store.head("uploads/p") is not None


@pytest.mark.parametrize("content_type", ["image/png", "text/plain; charset=utf-8", "application/x-what+ever"])
def test_any_content_type_is_signed(store: S3Store, content_type: str) -> None:
    assert _put(store.presign_put("uploads/a", content_type, len(BODY), SOON)).status_code == 200
    assert _post(store.presign_post("uploads/p", content_type, (1, 100), SOON)).status_code == 204


@pytest.mark.parametrize("key", ["incoming/../a", "incoming/" + "a" * 2000, "incoming//a", "incoming/a\0b", "incoming/no/such"])
def test_a_key_that_the_store_cannot_hold_is_not_there(store: S3Store, key: str) -> None:
    assert store.head(key) is None


@pytest.mark.parametrize("key", ["incoming/扫描 1+2&3=é.png", "incoming/a%2Fb", "incoming/sub/a b"])
def test_a_foreign_key_of_any_letters_is_seen_listed_fetched_and_removed(store: S3Store, tmp_path: Path, key: str) -> None:
    store._client.put_object(Bucket=store.bucket, Key=key, Body=BODY)
    found = store.head(key)
    assert found is not None
    assert [(listed.key, listed.etag, listed.size) for listed in store.list("incoming/", None, 10)] == [(key, found.etag, found.size)]
    assert store.fetch(found, tmp_path / "object", timeout=5) == hashlib.sha256(BODY).hexdigest()
    store.delete(key)
    assert store.head(key) is None


def test_head_and_listing_tell_one_etag_of_an_object_in_parts(store: S3Store, tmp_path: Path) -> None:
    body = b"z" * (6 << 20)
    parts = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
    store._client.upload_fileobj(io.BytesIO(body), store.bucket, "incoming/large", Config=parts)
    found = store.head("incoming/large")
    assert found is not None
    assert [listed.etag for listed in store.list("incoming/", None, 10)] == [found.etag]
    assert store.fetch(found, tmp_path / "object", timeout=20) == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize(
    ("filename", "header"),
    [
        ("scan.png", "attachment; filename=\"scan.png\"; filename*=UTF-8''scan.png"),
        ("扫描 1.png", "attachment; filename=\"__ 1.png\"; filename*=UTF-8''%E6%89%AB%E6%8F%8F%201.png"),
        ('a"b\\c;%41\r\nX: y', "attachment; filename=\"a_b_c;_41  X: y\"; filename*=UTF-8''a%22b%5Cc%3B%2541%20%20X%3A%20y"),
    ],
)
def test_a_filename_is_told_to_old_and_new_clients(filename: str, header: str) -> None:
    assert attachment(filename) == header
