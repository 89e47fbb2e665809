"""Provisioning of a bucket through the minio SDK: the same calls for MinIO, JuiceFS, AWS and others.

Nothing here serves a request; objects themselves go through `adapters/s3.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.credentials.providers import AWSConfigProvider, ChainedProvider, EnvAWSProvider, IamAwsProvider
from minio.error import MinioException, S3Error
from minio.notificationconfig import NotificationConfig, QueueConfig

from docusnap.errors import ConfigurationError, StoreDenied, StoreUnavailable
from docusnap.settings import Settings

WEBHOOK_ARN = "arn:minio:sqs::OCR:webhook"  # ID OCR, as in MINIO_NOTIFY_WEBHOOK_ENABLE_OCR
CREATED = "s3:ObjectCreated:*"
_REFUSALS = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "AllAccessDisabled"}


class Provisioner:
    """Makes one store ready for DocuSnap. Every call may raise StoreUnavailable or StoreDenied."""

    def __init__(self, settings: Settings, *, timeout: float = 5.0) -> None:
        self._bucket = settings.s3_bucket
        self._where = settings.s3_endpoint_url
        self._region = settings.s3_region
        self._client = _client(settings, timeout)

    def ensure_bucket(self) -> bool:
        """Create the bucket where it is absent; True where it was."""
        with self._translated():
            if self._client.bucket_exists(bucket_name=self._bucket):
                return False
            try:
                self._client.make_bucket(bucket_name=self._bucket, location=self._region)
            except S3Error as exc:
                if exc.code not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:  # made by somebody else at the same moment
                    raise
                return False
            return True

    def notify_webhook(self) -> None:
        """Send every created object of the bucket to the store's webhook OCR; replaces the bucket's notifications."""
        target = QueueConfig(queue=WEBHOOK_ARN, events=[CREATED])
        with self._translated():
            self._client.set_bucket_notification(bucket_name=self._bucket, config=NotificationConfig(queue_config_list=[target]))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except S3Error as exc:
            if exc.code in _REFUSALS:
                raise StoreDenied(f"The store at {self._where} refuses access to the bucket {self._bucket} ({exc.code}).") from exc
            raise StoreUnavailable(f"The store at {self._where} answers {exc.code}: {exc.message}.") from exc
        except (MinioException, urllib3.exceptions.HTTPError) as exc:
            raise StoreUnavailable(f"The store at {self._where} does not answer.") from exc
        except ValueError as exc:  # the SDK checks names and addresses before it sends anything
            if "credentials" in str(exc):
                raise ConfigurationError(
                    f"No keys for the store at {self._where}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
                ) from exc
            raise ConfigurationError(f"S3_BUCKET or S3_ENDPOINT_URL: {exc}.") from exc


def _client(settings: Settings, timeout: float) -> Minio:
    url = urlsplit(settings.s3_endpoint_url)
    if url.path not in {"", "/"}:
        raise ConfigurationError(f"S3_ENDPOINT_URL: {settings.s3_endpoint_url!r} has a path; it takes http(s)://host:port.")
    keys = (settings.aws_access_key_id, settings.aws_secret_access_key)
    return Minio(
        endpoint=url.netloc,
        access_key=keys[0],
        secret_key=keys[1],
        session_token=settings.aws_session_token,
        secure=url.scheme == "https",
        region=settings.s3_region,
        http_client=urllib3.PoolManager(timeout=urllib3.Timeout(timeout), retries=False),
        credentials=None if all(keys) else ChainedProvider([EnvAWSProvider(), AWSConfigProvider(), IamAwsProvider()]),
    )
