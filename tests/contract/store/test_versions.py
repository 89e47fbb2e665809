"""Buckets that keep versions, as AWS's do, and listings of more than one answer.

On moto, which checks no credentials, since the embedded store keeps no versions; `tests/system/stores` runs them on stores that do.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from docusnap.adapters.s3 import S3Store
from docusnap.settings import Settings


@pytest.fixture
def store(versioned_settings: Settings) -> S3Store:
    return S3Store(versioned_settings)


@pytest.fixture
def client(store: S3Store) -> Any:
    return store._client


def _left(store: S3Store) -> set[str]:
    found = store._client.list_object_versions(Bucket=store.bucket)
    return {entry["Key"] for entry in [*found.get("Versions", ()), *found.get("DeleteMarkers", ())]}


def test_head_tells_the_version(store: S3Store, client: Any) -> None:
    version = client.put_object(Bucket=store.bucket, Key="incoming/a", Body=b"1")["VersionId"]
    found = store.head("incoming/a")
    assert found is not None
    assert found.version_id == version


def test_delete_leaves_no_version_and_no_marker_and_keeps_keys_that_begin_alike(store: S3Store, client: Any) -> None:
    for body in (b"1", b"2"):
        client.put_object(Bucket=store.bucket, Key="incoming/a", Body=body)
    client.delete_object(Bucket=store.bucket, Key="incoming/a")
    for other in ("incoming/a b", "incoming/aa"):
        client.put_object(Bucket=store.bucket, Key=other, Body=b"1")
    store.delete("incoming/a")
    assert _left(store) == {"incoming/a b", "incoming/aa"}


def test_delete_takes_what_was_put_before_versions_were_kept(store: S3Store, client: Any) -> None:
    client.put_bucket_versioning(Bucket=store.bucket, VersioningConfiguration={"Status": "Suspended"})
    client.put_object(Bucket=store.bucket, Key="incoming/a", Body=b"1")
    client.put_bucket_versioning(Bucket=store.bucket, VersioningConfiguration={"Status": "Enabled"})
    client.put_object(Bucket=store.bucket, Key="incoming/a", Body=b"2")
    store.delete("incoming/a")
    assert _left(store) == set()


def test_deleting_twice_leaves_no_marker(store: S3Store, client: Any) -> None:
    client.put_object(Bucket=store.bucket, Key="incoming/a", Body=b"1")
    store.delete("incoming/a")
    assert _left(store) == set()


def test_a_listing_longer_than_one_answer_is_whole(store: S3Store, client: Any) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: client.put_object(Bucket=store.bucket, Key=f"incoming/{number:04}", Body=b""), range(1005)))
    assert len(store.list("incoming/", None, 1002)) == 1002
    assert [version.key for version in store.list("incoming/", "incoming/1002", 5000)] == ["incoming/1003", "incoming/1004"]


@pytest.mark.parametrize(
    ("endpoint", "bucket", "begins"),
    [
        ("https://s3.eu-west-1.amazonaws.com", "scans", "https://scans.s3.eu-west-1.amazonaws.com/uploads/a?"),
        ("https://s3.amazonaws.com", "scans", "https://scans.s3.amazonaws.com/uploads/a?"),
        ("https://s3.eu-west-1.amazonaws.com", "scans.example", "https://s3.eu-west-1.amazonaws.com/scans.example/uploads/a?"),
        ("https://minio.example:9000", "scans", "https://minio.example:9000/scans/uploads/a?"),
        ("http://127.0.0.1:9000", "scans", "http://127.0.0.1:9000/scans/uploads/a?"),
    ],
)
def test_urls_are_signed_for_what_clients_reach(offline_settings: Settings, endpoint: str, bucket: str, begins: str) -> None:
    store = S3Store(replace(offline_settings, s3_public_endpoint_url=endpoint, s3_bucket=bucket))
    for url in (
        store.presign_put("uploads/a", "image/png", 1, timedelta(minutes=5)).url,
        store.presign_get("uploads/a", "a.png", timedelta(minutes=5)),
    ):
        assert url.startswith(begins)


def test_the_region_is_the_one_in_awss_own_address(offline_settings: Settings) -> None:
    store = S3Store(replace(offline_settings, s3_public_endpoint_url="https://s3.eu-west-1.amazonaws.com", s3_region="us-east-1"))
    assert "%2Feu-west-1%2Fs3%2Faws4_request" in store.presign_put("uploads/a", "image/png", 1, timedelta(minutes=5)).url
