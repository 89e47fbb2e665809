"""Objects by boto3, on any S3-compatible store. Vendor errors are translated once, here."""

from __future__ import annotations

import errno
import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError
from urllib3.exceptions import HTTPError

from docusnap import errors
from docusnap.model import ObjectVersion, UploadTicket
from docusnap.settings import Settings

CHUNK = 1 << 20  # bytes
MISSING = {"404", "NoSuchKey", "NotFound"}
CHANGED = {"412", "PreconditionFailed"}
BUSY = {"SlowDown", "RequestTimeout", "ServiceUnavailable", "InternalError", "XMinioServerNotInitialized"}


class S3Store:
    """One bucket. Safe under threads; connects at the first call."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.bucket = settings.s3_bucket

    def head(self, key: str) -> ObjectVersion | None:
        """What is there now; None where nothing is."""
        try:
            with _translated():
                found = self._client.head_object(Bucket=self.bucket, Key=key)
        except errors.ObjectMissing:
            return None
        version = found.get("VersionId")
        return ObjectVersion(
            self.bucket,
            key,
            found["ETag"].strip('"'),
            found["ContentLength"],
            version_id=None if version == "null" else version,
            content_type=found.get("ContentType"),
        )

    def fetch(self, version: ObjectVersion, target: Path, *, timeout: float) -> str:
        """The object as it was when it was recorded, into `target`; its sha256. A file that did not arrive whole is removed."""
        ends = time.monotonic() + timeout
        try:
            with _translated():
                answer = self._client.get_object(Bucket=self.bucket, Key=version.key, IfMatch=f'"{version.etag}"')
                return self._save(answer["Body"], target, version.size, ends)
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def _save(self, body: Any, target: Path, size: int, ends: float) -> str:
        digest, got = hashlib.sha256(), 0
        with target.open("wb") as file:
            for chunk in body.iter_chunks(CHUNK):
                got += len(chunk)
                if got > size or time.monotonic() > ends:
                    raise errors.StoreUnavailable("The object store sent more, or slower, than it should.")
                digest.update(chunk)
                file.write(chunk)
        if got != size:
            raise errors.StoreUnavailable("The object store sent less than the object holds.")
        return digest.hexdigest()

    def list(self, prefix: str, start_after: str | None, limit: int) -> Sequence[ObjectVersion]:
        """At most `limit` (and 1,000) objects after `start_after`, by key."""
        more = {"StartAfter": start_after} if start_after else {}
        with _translated():
            found = self._client.list_objects_v2(Bucket=self.bucket, Prefix=prefix, MaxKeys=min(limit, 1000), **more)
        return [ObjectVersion(self.bucket, o["Key"], o["ETag"].strip('"'), o["Size"]) for o in found.get("Contents", ())]

    def delete(self, key: str) -> None:
        """All versions where the store keeps them, else the object; one that is not there is no error."""
        with _translated():
            self._client.delete_object(Bucket=self.bucket, Key=key)
        with suppress(errors.DocuSnapError), _translated():  # a store without versions may not know the call
            found = self._client.list_object_versions(Bucket=self.bucket, Prefix=key)
            for entry in [*found.get("Versions", ()), *found.get("DeleteMarkers", ())]:
                if entry["Key"] == key and entry.get("VersionId") not in {None, "null"}:
                    self._client.delete_object(Bucket=self.bucket, Key=key, VersionId=entry["VersionId"])

    def presign_put(self, key: str, content_type: str, size: int, expires_in: timedelta) -> UploadTicket:
        """A PUT of exactly this type and length; every HTTP client sends Content-Length by itself, browsers allow nothing else."""
        expires = datetime.now(UTC) + expires_in
        asked = {"Bucket": self.bucket, "Key": key, "ContentType": content_type, "ContentLength": size, "IfNoneMatch": "*"}
        url = self._signer.generate_presigned_url("put_object", Params=asked, ExpiresIn=int(expires_in.total_seconds()))
        return UploadTicket("PUT", url, expires, headers={"Content-Type": content_type, "If-None-Match": "*"})

    def presign_post(self, key: str, content_type: str, size: tuple[int, int], expires_in: timedelta) -> UploadTicket:
        """A POST policy: exact key and type, and a length range in bytes."""
        expires = datetime.now(UTC) + expires_in
        conditions: list[Any] = [{"Content-Type": content_type}, ["content-length-range", *size]]
        signed = self._signer.generate_presigned_post(
            self.bucket, key, Fields={"Content-Type": content_type}, Conditions=conditions, ExpiresIn=int(expires_in.total_seconds())
        )
        return UploadTicket("POST", signed["url"], expires, fields=signed["fields"])

    def presign_get(self, key: str, filename: str, expires_in: timedelta) -> str:
        """A GET that a browser saves under the name it was uploaded with (RFC 6266)."""
        disposition = f"attachment; filename*=UTF-8''{quote(filename, safe='')}"
        asked = {"Bucket": self.bucket, "Key": key, "ResponseContentDisposition": disposition}
        url: str = self._signer.generate_presigned_url("get_object", Params=asked, ExpiresIn=int(expires_in.total_seconds()))
        return url

    def ready(self) -> bool:
        try:
            with _translated():
                self._client.head_bucket(Bucket=self.bucket)
        except errors.DocuSnapError:
            return False
        return True

    @cached_property
    def _client(self) -> Any:
        return self._connect(self._settings.s3_endpoint_url)

    @cached_property
    def _signer(self) -> Any:
        return self._connect(self._settings.s3_public_endpoint_url)

    def _connect(self, endpoint: str) -> Any:
        style = "auto" if ".amazonaws.com" in endpoint else "path"
        config = Config(
            signature_version="s3v4",
            s3={"addressing_style": style},
            connect_timeout=3,
            read_timeout=20,
            retries={"max_attempts": 1},
            max_pool_connections=32,
            proxies={} if endpoint.startswith("http://127.0.0.1") else None,
        )
        return boto3.session.Session().client(
            "s3",
            endpoint_url=endpoint,
            region_name=self._settings.s3_region,
            aws_access_key_id=self._settings.aws_access_key_id,
            aws_secret_access_key=self._settings.aws_secret_access_key,
            aws_session_token=self._settings.aws_session_token,
            config=config,
        )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ClientError as exc:
        raise _meaning(exc) from exc
    except (BotoCoreError, ReadTimeoutError, HTTPError) as exc:
        raise errors.StoreUnavailable from exc
    except OSError as exc:
        if exc.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise errors.ScratchFull from exc
        raise errors.StoreUnavailable from exc


def _meaning(exc: ClientError) -> errors.DocuSnapError:
    code = exc.response["Error"].get("Code", "")
    status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    if code in MISSING:
        return errors.ObjectMissing()
    if code in CHANGED or status == 412:
        return errors.ObjectChanged()
    if status >= 500 or code in BUSY:
        return errors.StoreUnavailable()
    return errors.StoreDenied(f"The object store refuses DocuSnap access to the object ({code}).")
