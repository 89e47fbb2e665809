"""A bucket with S3's own API, as AWS and Ceph have it: existence, notification, CORS and lifecycle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from docusnap.adapters.provision.clients import client, code_of, region_of, status_of, translated
from docusnap.errors import ConfigurationError, StoreDenied
from docusnap.provision.documents import Json
from docusnap.provision.plan import Change, Step
from docusnap.settings import Settings

_NONE_YET = {"NoSuchCORSConfiguration", "NoSuchLifecycleConfiguration"}
_NOT_HERE = {"NotImplemented", "MethodNotAllowed"}


class Buckets:
    """The bucket of the settings. Every call may raise StoreUnavailable, StoreDenied or ConfigurationError."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.name = settings.s3_bucket

    def exists(self, owner: str | None = None) -> bool:
        """`owner` is the account to which it must belong, on AWS."""
        expected = {"ExpectedBucketOwner": owner} if owner else {}
        with self._translated("see the bucket"):
            try:
                found = self.client.head_bucket(Bucket=self.name, **expected)
            except ClientError as exc:
                return self._meaning(exc)
        self._check_region(found["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region"))
        return True

    def _meaning(self, exc: ClientError) -> bool:
        """Answers to HEAD have no body, so no reason either."""
        if status_of(exc) == 404:
            return False
        self._check_region(exc.response["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region"))
        if status_of(exc) == 400:
            raise ConfigurationError(f"S3_BUCKET: the store takes no bucket of the name {self.name!r}.") from exc
        if status_of(exc) != 403:
            raise exc
        try:
            self.client.list_buckets()  # says what is wrong with the keys, if that is it
        except ClientError as listing:
            if code_of(listing) != "AccessDenied":
                raise
        raise StoreDenied(
            f"The bucket {self.name} at {self._settings.s3_endpoint_url} belongs to another account, or these keys may not see it."
        ) from exc

    def _check_region(self, region: str | None) -> None:
        if region and region != region_of(self._settings):
            raise ConfigurationError(f"The bucket {self.name} is in {region}: set S3_REGION and S3_ENDPOINT_URL to that region.")

    def create(self, region: str | None) -> None:
        """`region` is said where the store has several; us-east-1 is AWS's unsaid one."""
        where = {"CreateBucketConfiguration": {"LocationConstraint": region}} if region and region != "us-east-1" else {}
        with self._translated("create the bucket"):
            try:
                self.client.create_bucket(Bucket=self.name, **where)
            except ClientError as exc:
                if code_of(exc) == "InvalidBucketName":
                    raise ConfigurationError(f"S3_BUCKET: the store takes no bucket of the name {self.name!r}.") from exc
                if code_of(exc) == "BucketAlreadyExists":
                    raise StoreDenied(f"The name {self.name} is taken by another account's bucket: choose another S3_BUCKET.") from exc
                if code_of(exc) == "OperationAborted":  # somebody creates it at this moment
                    self.client.get_waiter("bucket_exists").wait(Bucket=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 20})
                elif code_of(exc) != "BucketAlreadyOwnedByYou":
                    raise

    def notification(self) -> Json:
        return self._read("read the bucket's notifications", self.client.get_bucket_notification_configuration) or {}

    def cors(self) -> Json | None:
        return self._read("read the bucket's CORS", self.client.get_bucket_cors)

    def lifecycle(self) -> Json | None:
        return self._read("read the bucket's lifecycle", self.client.get_bucket_lifecycle_configuration)

    def _read(self, doing: str, call: Callable[..., Any]) -> Json | None:
        """An empty document where the bucket has none, None where the store has no such thing."""
        with self._translated(doing):
            try:
                answer = call(Bucket=self.name)
            except ClientError as exc:
                if code_of(exc) in _NONE_YET:
                    return {}
                if code_of(exc) in _NOT_HERE:
                    return None
                raise
        return {name: value for name, value in answer.items() if name != "ResponseMetadata"}

    def perform(self, change: Change) -> None:
        """CORS or lifecycle."""
        if change.step is Step.CORS:
            with self._translated("set the bucket's CORS"):
                self.client.put_bucket_cors(Bucket=self.name, CORSConfiguration=change.document)
            return
        # What is beside the rules is an argument of its own.
        beside = {name: value for name, value in change.document.items() if name != "Rules"}
        with self._translated("set the bucket's lifecycle"):
            rules = {"Rules": change.document["Rules"]}
            self.client.put_bucket_lifecycle_configuration(Bucket=self.name, LifecycleConfiguration=rules, **beside)

    @cached_property
    def client(self) -> Any:
        with self._translated("connect"):
            return client(self._settings, "s3")

    @contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        with translated(self._settings, doing):
            yield
