"""What a fetch makes of a store that breaks in the middle: a sentence, and no file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from docusnap.adapters.s3 import S3Store
from docusnap.errors import ObjectChanged, ObjectMissing, ScratchFull, StoreDenied, StoreUnavailable
from docusnap.model import ObjectVersion
from docusnap.settings import Settings

from tests.contract.store import broken_stores
from tests.contract.store.broken_stores import Answer

SCAN = ObjectVersion("docusnap", "uploads/a", "e" * 32, broken_stores.PROMISED)


@pytest.mark.parametrize(
    "answer",
    [
        broken_stores.hangs_up_halfway,
        broken_stores.drips,
        broken_stores.sends_too_much,
        broken_stores.sends_less_than_the_object_holds,
        broken_stores.is_overloaded,
        broken_stores.has_lost_the_bucket,
        broken_stores.talks_html,
    ],
)
def test_a_store_that_breaks_is_unavailable_and_leaves_no_file(offline_settings: Settings, tmp_path: Path, answer: Answer) -> None:
    with broken_stores.serving(answer) as url, pytest.raises(StoreUnavailable):
        S3Store(replace(offline_settings, s3_endpoint_url=url)).fetch(SCAN, tmp_path / "object", timeout=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("answer", [broken_stores.takes_no_presigned_reads, broken_stores.hangs_up_on_the_first])
def test_what_fails_the_quick_way_is_asked_in_boto3s_own(offline_settings: Settings, tmp_path: Path, answer: Answer) -> None:
    with broken_stores.serving(answer) as url:
        store = S3Store(replace(offline_settings, s3_endpoint_url=url))
        assert store.head(SCAN.key) == replace(SCAN, etag="an-etag")
        store.fetch(SCAN, tmp_path / "object", timeout=5)
    assert (tmp_path / "object").read_bytes() == b"x" * broken_stores.PROMISED


def test_a_full_disk_is_said_to_be_full(store_settings: Settings, tmp_path: Path) -> None:
    store = S3Store(store_settings)
    store._client.put_object(Bucket=store.bucket, Key="incoming/a", Body=b"twelve bytes")
    found = store.head("incoming/a")
    assert found is not None
    target = tmp_path / "object"
    target.symlink_to("/dev/full")
    with pytest.raises(ScratchFull):
        store.fetch(found, target, timeout=5)
    assert not target.is_symlink()


def test_an_object_that_was_overwritten_is_never_read(store_settings: Settings, tmp_path: Path) -> None:
    store = S3Store(store_settings)
    store._client.put_object(Bucket=store.bucket, Key="incoming/a", Body=b"first")
    recorded = store.head("incoming/a")
    assert recorded is not None
    store._client.put_object(Bucket=store.bucket, Key="incoming/a", Body=b"other")
    with pytest.raises(ObjectChanged):
        store.fetch(recorded, tmp_path / "object", timeout=5)


def test_a_bucket_that_is_not_there_rejects_no_document(store_settings: Settings, tmp_path: Path) -> None:
    store = S3Store(replace(store_settings, s3_bucket="not-there"))
    assert not store.ready()
    with pytest.raises(StoreUnavailable):
        store.fetch(SCAN, tmp_path / "object", timeout=5)
    with pytest.raises(StoreUnavailable):
        store.list("incoming/", None, 10)


def test_a_removed_object_is_missing_not_unavailable(store_settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ObjectMissing):
        S3Store(store_settings).fetch(SCAN, tmp_path / "object", timeout=5)


def test_without_credentials_nothing_is_signed(offline_settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    store = S3Store(replace(offline_settings, aws_access_key_id=None, aws_secret_access_key=None))
    with pytest.raises(StoreDenied):
        store.head("uploads/a")
