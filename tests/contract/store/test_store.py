"""What a store must do, and what it must refuse, on the real gateway."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from docusnap.adapters.s3 import S3Store
from docusnap.errors import ObjectChanged, ObjectMissing, StoreDenied, StoreUnavailable
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


def test_wrong_credentials_are_refused(store_settings: Settings) -> None:
    with pytest.raises(StoreDenied):
        S3Store(replace(store_settings, aws_secret_access_key="wrong" * 8)).head("uploads/a")


def test_the_listing_goes_on_where_it_stopped(store: S3Store) -> None:
    for name in ("a", "b", "c"):
        _uploaded(store, f"incoming/{name}")
    first = store.list("incoming/", None, 2)
    assert [found.key for found in [*first, *store.list("incoming/", first[-1].key, 2)]] == ["incoming/a", "incoming/b", "incoming/c"]


def test_an_original_is_saved_under_its_name(store: S3Store) -> None:
    answer = requests.get(store.presign_get(_uploaded(store).key, "扫描 1.png", SOON), timeout=10)
    assert answer.content == BODY
    assert "filename*=UTF-8''%E6%89%AB%E6%8F%8F%201.png" in answer.headers["Content-Disposition"]


def test_more_bytes_than_signed_are_refused(store: S3Store) -> None:
    assert _put(store.presign_put("uploads/a", "image/png", len(BODY), SOON), BODY + b"!").status_code in {400, 403}
    assert store.head("uploads/a") is None


def test_a_foreign_type_is_refused(store: S3Store) -> None:
    assert _put(store.presign_put("uploads/a", "image/png", len(BODY), SOON), **{"Content-Type": "text/html"}).status_code == 403


def test_a_tampered_signature_is_refused(store: S3Store) -> None:
    ticket = store.presign_put("uploads/a", "image/png", len(BODY), SOON)
    head, signature = ticket.url.split("X-Amz-Signature=")
    other = ("1" if signature[0] == "0" else "0") + signature[1:]
    assert _put(replace(ticket, url=f"{head}X-Amz-Signature={other}")).status_code == 403


def test_another_key_than_the_signed_one_is_refused(store: S3Store) -> None:
    ticket = store.presign_put("uploads/a", "image/png", len(BODY), SOON)
    assert _put(replace(ticket, url=ticket.url.replace("uploads/a", "uploads/b"))).status_code == 403


def test_an_expired_upload_url_is_refused(store: S3Store) -> None:
    ticket = store.presign_put("uploads/a", "image/png", len(BODY), timedelta(seconds=1))
    time.sleep(2.5)
    assert _put(ticket).status_code == 403


def test_a_post_within_its_policy_arrives(store: S3Store) -> None:
    assert _post(store.presign_post("uploads/p", "image/png", (1, 100), SOON)).status_code == 204
    assert store.head("uploads/p") is not None


@pytest.mark.parametrize(
    ("body", "fields"), [(b"x" * 101, {}), (b"", {}), (BODY, {"Content-Type": "text/html"}), (BODY, {"key": "uploads/q"})]
)
def test_a_post_outside_its_policy_is_refused(store: S3Store, body: bytes, fields: dict[str, str]) -> None:
    assert _post(store.presign_post("uploads/p", "image/png", (1, 100), SOON), body, **fields).status_code in {400, 403}
    assert store.list("uploads/", None, 10) == []


def test_all_versions_of_a_deleted_object_are_gone(aws_settings: Settings) -> None:
    store = S3Store(aws_settings)
    client = store._client
    for body in (b"1", b"2"):
        client.put_object(Bucket="versioned", Key="uploads/a", Body=body)
    store.delete("uploads/a")
    assert client.list_object_versions(Bucket="versioned").get("Versions", []) == []
