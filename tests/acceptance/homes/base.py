"""What the story asks of a home. Each home's module has `opened()`, a context manager that yields one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Protocol

import boto3
from botocore.config import Config

ROOT = Path(__file__).parents[3]


class Home(Protocol):
    """A running DocuSnap: its API, its keys, and what a test may do to the store behind it."""

    api: str  # http://host:port, without /v1
    key: str  # of tenant `default`, scopes user and operator: the first tenant, which foreign objects go to
    other_key: str  # of another tenant, scope user
    write_once: bool  # whether the store refuses a second PUT of a registered key with 412
    patience: float  # seconds within which a document of a few pages must have ended, however busy the machine is

    def put_foreign(self, key: str, body: bytes) -> None:
        """Put an object into the bucket as any S3 client would, with the store's own keys."""

    def has_object(self, key: str) -> bool:
        """Whether the bucket holds this key just now."""

    def repeat_event(self, key: str) -> None:
        """Deliver the store's event of the object as it is now once more, by the way the store's events take; return when it was taken."""

    def stop_store(self) -> None:
        """Return when the store answers nobody: neither DocuSnap nor a client."""

    def start_store(self) -> None:
        """Return when it answers again, with all that it held."""


def s3_client(url: str, access_key: str, secret_key: str) -> Any:
    """boto3's client of an S3 server at a path-style address; it tries once."""
    return boto3.session.Session().client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
    )


def minio_event(client: Any, bucket: str, key: str) -> dict[str, Any]:
    """The event of an object as MinIO and its kin send it: a recorded one, with this object's key, size and etag."""
    found = client.head_object(Bucket=bucket, Key=key)
    event: dict[str, Any] = json.loads((ROOT / "events/minio/put.json").read_text("utf-8"))
    event["Key"] = f"{bucket}/{key}"
    s3 = event["Records"][0]["s3"]
    s3["bucket"] |= {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"}
    s3["object"] |= {"key": key.replace("/", "%2F"), "size": found["ContentLength"], "eTag": found["ETag"].strip('"')}
    return event


def has_object(client: Any, bucket: str, key: str) -> bool:
    """Whether there is an object of this very key."""
    listed = client.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", ())
    return any(entry["Key"] == key for entry in listed)
