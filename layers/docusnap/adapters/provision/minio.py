"""MinIO and its kin (the JuiceFS gateway, RustFS) through the minio SDK. Nothing here serves a request: `adapters/s3.py` does.

Such a store sends its events to a webhook that its server was started with, and takes CORS from its server's variables too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.credentials.providers import AWSConfigProvider, ChainedProvider, EnvAWSProvider, IamAwsProvider
from minio.error import MinioException, S3Error
from minio.notificationconfig import CloudFuncConfig, NotificationConfig, PrefixFilterRule, QueueConfig, SuffixFilterRule, TopicConfig

from docusnap.errors import ConfigurationError, StoreDenied, StoreUnavailable
from docusnap.provision import documents
from docusnap.provision.documents import Json
from docusnap.provision.plan import WEBHOOK_ARN, Change, Found, Step, Wanted
from docusnap.provision.prepare import NotOffered
from docusnap.settings import Settings

_REFUSALS = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "AllAccessDisabled"}
_OURS_ALREADY = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}

# Every call here may be made twice. JuiceFS answers 500 to who reads a bucket's configuration while another writes it.
_AGAIN = urllib3.Retry(
    connect=0,
    read=0,
    other=0,
    status=4,
    redirect=False,
    status_forcelist=(500, 502, 503, 504),
    allowed_methods=None,
    backoff_factor=0.2,
    raise_on_status=False,
)


class Provisioner:
    """Makes one store ready for DocuSnap. Every call may raise StoreUnavailable, StoreDenied or ConfigurationError."""

    def __init__(self, settings: Settings, *, timeout: float = 5.0) -> None:
        self._bucket = settings.s3_bucket
        self._where = settings.s3_endpoint_url
        self._region = settings.s3_region
        self._http = urllib3.PoolManager(timeout=urllib3.Timeout(timeout), retries=_AGAIN)
        self._client = _client(settings, self._http)

    def ensure_bucket(self) -> bool:
        """Create the bucket where it is absent; True where it was."""
        with self._translated():
            if self._client.bucket_exists(bucket_name=self._bucket):
                return False
            try:
                self._client.make_bucket(bucket_name=self._bucket, location=self._region)
            except S3Error as exc:
                if exc.code not in _OURS_ALREADY:  # made by somebody else at the same moment
                    raise
                return False
            return True

    def notify_webhook(self) -> None:
        """Send the created objects of DocuSnap's prefixes to the store's webhook OCR, beside what is sent already."""
        found = self.notification()
        self.notify(documents.notification_with(found, "QueueConfigurations", WEBHOOK_ARN))

    def exists(self) -> bool:
        with self._translated():
            return self._client.bucket_exists(bucket_name=self._bucket)

    def refused_origins(self, origins: Sequence[str]) -> Sequence[str]:
        """Those whose browsers the server turns away; asked as a browser asks, since no API tells."""
        url = f"{self._where}/{self._bucket}/{documents.PREFIXES[-1]}preflight"
        return [origin for origin in origins if not self._lets(url, origin)]

    def _lets(self, url: str, origin: str) -> bool:
        asked = {"Origin": origin, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type,if-none-match"}
        with self._translated():
            answer = self._http.request("OPTIONS", url, headers=asked)
        return answer.headers.get("Access-Control-Allow-Origin") in {origin, "*"}

    def notification(self) -> Json:
        with self._translated():
            return _document(self._client.get_bucket_notification(bucket_name=self._bucket))

    def notify(self, document: Json) -> None:
        with self._translated():
            self._client.set_bucket_notification(bucket_name=self._bucket, config=_config(document))

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


class MinioPreparer:
    """`Preparable` for a store with MinIO's webhooks. Its server ends abandoned multipart uploads by itself."""

    def __init__(self, settings: Settings, wanted: Wanted) -> None:
        self._store, self._wanted = Provisioner(settings), wanted

    def find(self) -> Found:
        bucket = self._store.exists()
        notification = self._store.notification() if bucket else {}
        refused = self._store.refused_origins(self._wanted.origins)
        return Found(bucket, notification, cors=None, lifecycle=None, refused_origins=refused)

    def perform(self, change: Change) -> None:
        if change.step is Step.BUCKET:
            self._store.ensure_bucket()
            return
        try:
            self._store.notify(change.document)
        except StoreUnavailable as exc:
            if isinstance(exc.__cause__, S3Error) and exc.__cause__.code == "InvalidArgument":  # that target is not configured
                raise NotOffered(_how_to_configure(self._wanted), blocks=True) from exc
            raise


def _how_to_configure(wanted: Wanted) -> str:
    url = wanted.events_url or "http(s)://<DocuSnap>/events/s3"
    lines = (
        "MINIO_NOTIFY_WEBHOOK_ENABLE_OCR=on",
        f"MINIO_NOTIFY_WEBHOOK_ENDPOINT_OCR={url}",
        "MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_OCR=<the value of EVENTS_TOKEN>",
        "MINIO_NOTIFY_WEBHOOK_QUEUE_DIR_OCR=<a folder of the store's, for events while DocuSnap is away>",
    )
    return "\n  ".join(("The store has no webhook OCR. Set these variables on its server, start it again, and run this again:", *lines))


def _client(settings: Settings, http: urllib3.PoolManager) -> Minio:
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
        http_client=http,
        credentials=None if all(keys) else ChainedProvider([EnvAWSProvider(), AWSConfigProvider(), IamAwsProvider()]),
    )


# --- the SDK's configuration ↔ S3's own document ----------------------------------------------------------------------


_Config = QueueConfig | TopicConfig | CloudFuncConfig


def _document(config: NotificationConfig) -> Json:
    sections = {
        "QueueConfigurations": [_entry(one, "QueueArn", one.queue) for one in config.queue_config_list or ()],
        "TopicConfigurations": [_entry(one, "TopicArn", one.topic) for one in config.topic_config_list or ()],
        "LambdaFunctionConfigurations": [_entry(one, "LambdaFunctionArn", one.cloud_func) for one in config.cloud_func_config_list or ()],
    }
    return {name: entries for name, entries in sections.items() if entries}


def _entry(config: _Config, arn_name: str, arn: str | None) -> Json:
    given = (config.prefix_filter_rule, config.suffix_filter_rule)
    rules = [{"Name": rule.name, "Value": rule.value} for rule in given if rule]
    named = {"Id": config.config_id} if config.config_id else {}
    return {**named, arn_name: arn, "Events": config.events, **({"Filter": {"Key": {"FilterRules": rules}}} if rules else {})}


def _config(document: Json) -> NotificationConfig:
    return NotificationConfig(
        queue_config_list=[QueueConfig(queue=one["QueueArn"], **_members(one)) for one in document.get("QueueConfigurations", ())],
        topic_config_list=[TopicConfig(topic=one["TopicArn"], **_members(one)) for one in document.get("TopicConfigurations", ())],
        cloud_func_config_list=[
            CloudFuncConfig(cloud_func=one["LambdaFunctionArn"], **_members(one))
            for one in document.get("LambdaFunctionConfigurations", ())
        ],
    )


def _members(entry: Mapping[str, Any]) -> dict[str, Any]:
    rules = {rule["Name"].lower(): rule["Value"] for rule in entry.get("Filter", {}).get("Key", {}).get("FilterRules", ())}
    return {
        "config_id": entry.get("Id"),
        "events": entry["Events"],
        "prefix_filter_rule": PrefixFilterRule(rules["prefix"]) if "prefix" in rules else None,
        "suffix_filter_rule": SuffixFilterRule(rules["suffix"]) if "suffix" in rules else None,
    }
