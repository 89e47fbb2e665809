"""An object is put into the store, and its own event brings it into the ledger: nobody sweeps here."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
import requests
from boto3.s3.transfer import TransferConfig

from tests.support.api import Tenant
from tests.system_tests.stores.home import ORIGIN, Home

BYTES = b"%PDF-1.4 a scan\n"
ODD = "incoming/Übersicht 2026/a+b 100% %41 發票.pdf"
KEEPS_NO_VERSIONS = {"juicefs"}
DIALECT = {
    "juicefs": "webhook, `minio:s3`",
    "minio": "webhook, `minio:s3`",
    "ceph": "topic → HTTP, `ceph:s3`",
    "ministack": "SQS → `ocr`, `aws:s3`",
}

Record = Callable[[str, object], None]


def test_an_upload_by_a_presigned_put_is_queued(home: Home, tenant: Tenant, record_property: Record) -> None:
    document = tenant.send(BYTES, content_type="application/pdf")
    (found,) = home.await_documents(tenant, lambda items: [item["status"] for item in items] == ["queued"])
    assert found["id"] == document
    record_property("events", DIALECT[home.name])


def test_an_upload_by_a_presigned_post_is_queued(home: Home, tenant: Tenant) -> None:
    upload = tenant.create(method="POST", size=None, content_type="application/pdf")["upload"]
    assert requests.post(upload["url"], data=upload["fields"], files={"file": BYTES}, timeout=20).status_code == 204
    home.await_documents(tenant, lambda items: [item["status"] for item in items] == ["queued"])


def by_put(home: Home, key: str) -> None:
    home.s3.put_object(Bucket=home.bucket, Key=key, Body=BYTES)


def in_parts(home: Home, key: str) -> None:
    parts = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
    home.s3.upload_fileobj(io.BytesIO(b"z" * (6 << 20)), home.bucket, key, Config=parts)


def by_copy(home: Home, key: str) -> None:
    home.s3.put_object(Bucket=home.bucket, Key="elsewhere/source", Body=BYTES)
    home.s3.copy_object(Bucket=home.bucket, Key=key, CopySource={"Bucket": home.bucket, "Key": "elsewhere/source"})


@pytest.mark.parametrize("write", [by_put, in_parts, by_copy])
def test_a_foreign_object_with_an_odd_key_is_adopted(home: Home, tenant: Tenant, write: Callable[[Home, str], None]) -> None:
    write(home, ODD)
    (found,) = home.await_documents(tenant, lambda items: len(items) == 1)
    assert (found["status"], found["filename"]) == ("queued", ODD.rpartition("/")[2])
    assert found["source"] == {"bucket": home.bucket, "key": ODD}
    home.s3.delete_object(Bucket=home.bucket, Key=ODD)


def test_a_foreign_object_that_is_overwritten_again_and_again_is_taken_each_time(home: Home, tenant: Tenant) -> None:
    """Each event must be seen to be newer than the one before, whatever the store writes into its sequencer."""
    for number in range(1, 9):
        home.s3.put_object(Bucket=home.bucket, Key="incoming/again.pdf", Body=BYTES + str(number).encode())
        home.await_documents(tenant, lambda items, number=number: [_newest(item) for item in items] == [number])  # type: ignore[misc]
    home.s3.delete_object(Bucket=home.bucket, Key="incoming/again.pdf")


def _newest(item: dict[str, object]) -> object:
    running = item.get("next_revision")
    return running["revision"] if isinstance(running, dict) else item["revision"]


def test_a_bucket_that_keeps_versions_is_read_as_well(home: Home, tenant: Tenant, record_property: Record) -> None:
    if home.name in KEEPS_NO_VERSIONS:
        with pytest.raises(home.s3.exceptions.ClientError):
            home.s3.put_bucket_versioning(Bucket=home.bucket, VersioningConfiguration={"Status": "Enabled"})
        record_property("versions", "no")
        return
    home.s3.put_bucket_versioning(Bucket=home.bucket, VersioningConfiguration={"Status": "Enabled"})
    document = tenant.send(BYTES, content_type="application/pdf")
    home.await_documents(tenant, lambda items: [(item["id"], item["status"]) for item in items] == [(document, "queued")])
    home.s3.put_bucket_versioning(Bucket=home.bucket, VersioningConfiguration={"Status": "Suspended"})
    record_property("versions", "yes")


CORS = {"juicefs": "by the server", "minio": "by the server", "ceph": "by the bucket", "ministack": "by the bucket"}


def test_browsers_of_the_listed_origin_may_upload_and_no_others(home: Home, tenant: Tenant, record_property: Record) -> None:
    upload = tenant.create()["upload"]
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type,if-none-match"}
    told = [
        requests.options(upload["url"], headers={"Origin": origin, **asked}, timeout=10).headers.get("Access-Control-Allow-Origin")
        for origin in (ORIGIN, "https://evil.example")
    ]
    assert told[0] in {ORIGIN, "*"}
    assert told[1] is None
    sent = requests.put(upload["url"], data=b"abc", headers={**upload["headers"], "Origin": ORIGIN}, timeout=10)
    assert (sent.status_code, sent.headers.get("Access-Control-Allow-Origin")) in {(200, ORIGIN), (200, "*")}
    record_property("cors", CORS[home.name])
