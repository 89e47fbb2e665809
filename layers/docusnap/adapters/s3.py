"""Objects by boto3, on any S3-compatible store. Vendor errors are translated once, here."""

from __future__ import annotations

import errno
import hashlib
import re
import time
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import islice, takewhile
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError
from urllib3.exceptions import HTTPError

from docusnap import errors
from docusnap.adapters import presigned
from docusnap.adapters.aws_session import new_session
from docusnap.model import ObjectVersion, UploadTicket
from docusnap.settings import Settings

CHUNK = 1 << 18  # bytes, at most
LISTED = 1000  # S3 gives no more in one answer
AWS = re.compile(r"(?:\.(?P<region>[a-z]{2}(?:-[a-z]+)+-\d))?(?:\.vpce)?\.amazonaws\.com(?:\.cn)?$")
LOOPBACK = {"127.0.0.1", "localhost", "::1"}

Json = dict[str, Any]


class S3Store:
    """One bucket. Safe under threads; connects at the first call."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.bucket = settings.s3_bucket

    def head(self, key: str) -> ObjectVersion | None:
        """What is there now; None where nothing is, or where the store takes no such key.

        Raises: StoreUnavailable, StoreDenied (AWS says so of a missing key too where s3:ListBucket is not allowed).
        """
        try:
            with _translated():
                found = self._head(key)
        except errors.ObjectMissing:
            return None
        except errors.StoreDenied as exc:
            if _status(exc.__cause__) == 400 and self.ready():  # an answer to HEAD cannot say more; the bucket is fine, so it is the key
                return None
            raise
        return self._version({**found, "Key": key, "Size": found["ContentLength"]})

    def _head(self, key: str) -> Json:
        if (answer := self._direct.ask(presigned.HEAD, key)) is None:
            return dict(self._client.head_object(Bucket=self.bucket, Key=key))
        if answer.status_code == 404:
            raise errors.ObjectMissing
        told = answer.headers
        return {
            "ETag": told["ETag"],
            "ContentLength": int(told["Content-Length"]),
            "ContentType": told.get("Content-Type"),
            "VersionId": told.get("x-amz-version-id"),
        }

    def fetch(self, version: ObjectVersion, target: Path, *, timeout: float) -> str:
        """The object as it was when it was recorded, into `target`; its sha256. A file that did not arrive whole is removed.

        `timeout` in seconds is looked at whenever something comes; a connection on which nothing comes ends by itself after 20 s.

        Raises: ObjectChanged, ObjectMissing, StoreUnavailable, StoreDenied, ScratchFull.
        """
        ends = time.monotonic() + timeout
        try:
            with _translated(), self._body(version) as stream:
                return _save(stream, target, version.size, ends)
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def _body(self, version: ObjectVersion) -> AbstractContextManager[Any]:
        tag = f'"{version.etag}"'
        if (answer := self._direct.ask(presigned.GET, version.key, {"If-Match": tag})) is not None:
            return closing(answer.raw)
        body: AbstractContextManager[Any] = self._client.get_object(Bucket=self.bucket, Key=version.key, IfMatch=tag)["Body"]
        return body

    def list(self, prefix: str, start_after: str | None, limit: int) -> Sequence[ObjectVersion]:
        """The first `limit` objects after `start_after`, by key; fewer only where there are no more.

        Raises: StoreUnavailable, StoreDenied.
        """
        with _translated():
            return [self._version(entry) for entry in islice(self._entries(prefix, start_after, min(limit, LISTED)), limit)]

    def _entries(self, prefix: str, start_after: str | None, size: int) -> Iterator[Json]:
        asked: Json = {"Bucket": self.bucket, "Prefix": prefix, "PaginationConfig": {"PageSize": size}}
        pages = self._client.get_paginator("list_objects_v2").paginate(**asked, **({"StartAfter": start_after} if start_after else {}))
        for page in pages:
            yield from page.get("Contents", ())

    def delete(self, key: str) -> None:
        """Remove the object in all its versions; one that is not there is no error. The cost is a listing of the versions for each.

        Raises: StoreUnavailable, StoreDenied, also where it may not list or remove versions.
        """
        with _translated():
            versions = self._versions(key)
            for version_id in versions:
                self._client.delete_object(Bucket=self.bucket, Key=key, VersionId=version_id)
            if not versions:
                self._client.delete_object(Bucket=self.bucket, Key=key)

    def _versions(self, key: str) -> Sequence[str]:
        """The versions and delete markers there are; none where the bucket keeps none, or the store does not know the call."""
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=key)
        try:
            entries = [entry for page in takewhile(lambda page: _names(page, key), pages) for entry in _entries_of(page, key)]
        except ClientError as exc:
            if _status(exc) in {405, 501}:
                return []
            raise
        found = [str(entry.get("VersionId") or "null") for entry in entries]
        return found if set(found) - {"null"} else []

    def presign_put(self, key: str, content_type: str, size: int, expires_in: timedelta) -> UploadTicket:
        """A PUT of exactly this type and length, once; every HTTP client sends Content-Length by itself, browsers allow nothing else."""
        expires = datetime.now(UTC) + expires_in
        asked = {"Key": key, "ContentType": content_type, "ContentLength": size, "IfNoneMatch": "*"}
        url = self._presign("put_object", asked, expires_in)
        return UploadTicket("PUT", url, expires, headers={"Content-Type": content_type, "If-None-Match": "*"})

    def presign_post(self, key: str, content_type: str, size: tuple[int, int], expires_in: timedelta) -> UploadTicket:
        """A POST policy: exact key and type, and a length range in bytes."""
        expires = datetime.now(UTC) + expires_in
        conditions: list[Any] = [{"Content-Type": content_type}, ["content-length-range", *size]]
        with _translated():
            signed = self._signer.generate_presigned_post(
                self.bucket, key, Fields={"Content-Type": content_type}, Conditions=conditions, ExpiresIn=int(expires_in.total_seconds())
            )
        return UploadTicket("POST", signed["url"], expires, fields=signed["fields"])

    def presign_get(self, key: str, filename: str, expires_in: timedelta) -> str:
        """A GET that a browser saves under the name it was uploaded with."""
        return self._presign("get_object", {"Key": key, "ResponseContentDisposition": attachment(filename)}, expires_in)

    def _presign(self, method: str, asked: Json, expires_in: timedelta) -> str:
        with _translated():
            params = {"Bucket": self.bucket, **asked}
            return str(self._signer.generate_presigned_url(method, Params=params, ExpiresIn=int(expires_in.total_seconds())))

    def ready(self) -> bool:
        """Whether the bucket is there just now; asked once, for at most about three seconds."""
        try:
            with _translated():
                self._probe.head_bucket(Bucket=self.bucket)
        except errors.DocuSnapError:
            return False
        return True

    def _version(self, entry: Json) -> ObjectVersion:
        version = entry.get("VersionId")
        return ObjectVersion(
            self.bucket,
            entry["Key"],
            entry["ETag"].strip('"'),
            entry["Size"],
            version_id=None if version == "null" else version,
            content_type=entry.get("ContentType"),
        )

    # Two threads that both build one of these do no harm: each has a session of its own, and the last one is kept.

    @cached_property
    def _client(self) -> Any:
        return self._connect(self._settings.s3_endpoint_url, retries={"max_attempts": 1})

    @cached_property
    def _direct(self) -> presigned.Requests:
        return presigned.Requests(self._client, self.bucket)

    @cached_property
    def _probe(self) -> Any:
        return self._connect(self._settings.s3_endpoint_url, connect_timeout=1, read_timeout=2, retries={"max_attempts": 0})

    @cached_property
    def _signer(self) -> Any:
        return self._connect(self._settings.s3_public_endpoint_url)

    def _connect(self, endpoint: str, **more: Any) -> Any:
        host = urlsplit(endpoint).hostname or ""
        aws = AWS.search(host)
        config = Config(
            signature_version="s3v4",
            s3={"addressing_style": "virtual" if aws else "path"},
            # Checksums of AWS's own are unknown to other stores; the etag and the sha256 are looked at anyway.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            max_pool_connections=32,
            proxies={} if host in LOOPBACK else None,
            **{"connect_timeout": 3, "read_timeout": 20, **more},
        )
        return new_session().client(
            "s3",
            endpoint_url=endpoint,
            region_name=(aws and aws["region"]) or self._settings.s3_region,
            aws_access_key_id=self._settings.aws_access_key_id,
            aws_secret_access_key=self._settings.aws_secret_access_key,
            aws_session_token=self._settings.aws_session_token,
            config=config,
        )


def attachment(filename: str) -> str:
    """A Content-Disposition (RFC 6266): the name in UTF-8, and what is left of it in ASCII for clients that know no better."""
    name = "".join(" " if unicodedata.category(char)[0] == "C" else char for char in filename)
    plain = re.sub(r'[^ -~]|["\\%]', "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _save(stream: Any, target: Path, size: int, ends: float) -> str:
    digest, got = hashlib.sha256(), 0
    with target.open("wb") as file:
        while chunk := stream.read1(CHUNK):  # read() would wait for a full chunk, however slowly its bytes drip in
            got += len(chunk)
            if got > size or time.monotonic() > ends:
                raise errors.StoreUnavailable("The object store sent more, or slower, than it should.")
            digest.update(chunk)
            file.write(chunk)
    if got != size:
        raise errors.StoreUnavailable("The object store sent less than the object holds.")
    return digest.hexdigest()


def _entries_of(page: Json, key: str) -> Iterator[Json]:
    entries = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
    return (entry for entry in entries if entry["Key"] == key)


def _names(page: Json, key: str) -> bool:
    """The key sorts before all that it is a prefix of, so a page without it ends the search."""
    return any(True for _ in _entries_of(page, key))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ClientError as exc:
        raise _meaning(exc) from exc
    except (NoCredentialsError, PartialCredentialsError) as exc:
        raise errors.StoreDenied("There are no credentials for the object store.") from exc
    except (BotoCoreError, HTTPError, ConnectionError, TimeoutError) as exc:
        raise errors.StoreUnavailable from exc
    except OSError as exc:
        if exc.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise errors.ScratchFull from exc
        raise


def _status(exc: BaseException | None) -> int:
    answer = exc.response if isinstance(exc, ClientError) else {}
    return int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _meaning(exc: ClientError) -> errors.DocuSnapError:
    code, status = exc.response["Error"].get("Code", ""), _status(exc)
    if code == "NoSuchBucket":
        return errors.StoreUnavailable("The bucket is not there.")  # not the object's fault: it must not be rejected for it
    if status == 404:
        return errors.ObjectMissing()
    if status == 412:
        return errors.ObjectChanged()
    if code == "RequestTimeTooSkewed":
        return errors.StoreUnavailable("The object store refuses the clock of this machine.")  # another worker's may be right
    if status >= 500 or status == 429 or code in {"SlowDown", "RequestTimeout"}:
        return errors.StoreUnavailable()
    return errors.StoreDenied(f"The object store refuses DocuSnap access to the object ({code}).")
