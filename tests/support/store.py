"""A real S3 store for tests: the embedded stack's own gateway, started once a session on a free port.

`DOCUSNAP_TEST_STORE` names another one, `minio`, `ceph` or `ministack`, which `tests/system/need` has brought (`tests/system/stores`).
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sysconfig
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from docusnap import settings
from docusnap.settings import Settings
from moto import mock_aws

from tests.support.ports import free_port

__all__ = ["aws_settings", "offline_settings", "s3_gateway", "store_settings", "versioned_settings"]

EMBEDDED = "juicefs"
JUICEFS = Path(sysconfig.get_path("scripts")) / "juicefs"


@dataclass(frozen=True, slots=True)
class S3Gateway:
    """A running store and its root credentials."""

    url: str
    access_key: str
    secret_key: str
    name: str = EMBEDDED

    def new_bucket(self) -> str:
        name = f"bucket-{uuid.uuid4().hex}"
        s3 = client(self)
        s3.create_bucket(Bucket=name)
        s3.close()
        return name

    def environ(self, bucket: str) -> dict[str, str]:
        """The variables an operator would set for this store."""
        return {
            "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
            "S3_BUCKET": bucket,
            "S3_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
        }


def client(gateway: S3Gateway) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=gateway.url,
        region_name="us-east-1",
        aws_access_key_id=gateway.access_key,
        aws_secret_access_key=gateway.secret_key,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )


@pytest.fixture(scope="session")
def s3_gateway() -> Iterator[S3Gateway]:
    """The JuiceFS gateway, as `make run` starts it, without notifications; or the store that was named."""
    name = _named()
    start = running_gateway if name == EMBEDDED else named_store(name)
    with tempfile.TemporaryDirectory(prefix="docusnap-s3-", ignore_cleanup_errors=True) as folder, start(Path(folder)) as gateway:
        yield gateway


def _named() -> str:
    return os.environ.get("DOCUSNAP_TEST_STORE") or EMBEDDED


def named_store(name: str) -> Callable[..., AbstractContextManager[S3Gateway]]:
    """How to start this one: a folder, and what its server takes of `webhook`, `token` and `origins`."""
    from tests.support import stores  # noqa: PLC0415  what `make test` has no use for

    running = {"minio": stores.running_minio, "ceph": stores.running_ceph, "ministack": stores.running_ministack}[name]

    @contextmanager
    def start(folder: Path, **options: Any) -> Iterator[S3Gateway]:
        with running(folder, **options) as store:
            yield S3Gateway(store.url, store.access_key, store.secret_key, store.name)

    return start


@contextmanager
def running_gateway(folder: Path, *, webhook: str | None = None, token: str = "", origins: Sequence[str] = ()) -> Iterator[S3Gateway]:
    """`webhook` is the endpoint of the target OCR, `token` what it says there, `origins` whose browsers may upload."""
    gateway = S3Gateway(f"http://127.0.0.1:{free_port()}", secrets.token_hex(10), secrets.token_hex(20))
    metadata = f"badger://{folder}/meta"
    _format(folder, metadata)
    process = subprocess.Popen(
        [
            *(JUICEFS, "gateway", "--no-banner", "--multi-buckets", "--keep-etag", "--object-meta", "--object-tag"),
            *("--no-usage-report", "--no-agent", "--cache-dir", "memory", "--cache-size", "0", "--metrics", "127.0.0.1:0"),
            *("--log", folder / "gateway.log"),
            *(metadata, gateway.url.removeprefix("http://")),
        ],
        env={
            **os.environ,
            "MINIO_ROOT_USER": gateway.access_key,
            "MINIO_ROOT_PASSWORD": gateway.secret_key,
            **(_webhook(webhook, token) if webhook else {}),
            **({"MINIO_API_CORS_ALLOW_ORIGIN": ",".join(origins)} if origins else {}),
        },
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await(process, gateway.url)
        yield gateway
    finally:
        process.terminate()
        process.wait(timeout=20)


def _webhook(url: str, token: str) -> dict[str, str]:
    name = "MINIO_NOTIFY_WEBHOOK_{}_OCR".format
    return {name("ENABLE"): "on", name("ENDPOINT"): url, name("AUTH_TOKEN"): token}


def _format(folder: Path, metadata: str) -> None:
    command = [JUICEFS, "format", "--storage", "file", "--bucket", f"{folder}/store/", "--trash-days", "0", metadata, "tests"]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)


def _await(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the gateway ended with {process.returncode}")
        try:
            requests.get(f"{url}/minio/health/live", timeout=1)
            return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise AssertionError("the gateway did not start within 30 s")


@pytest.fixture
def store_settings(s3_gateway: S3Gateway) -> Settings:
    """Settings of a bucket of this test's own on the real gateway."""
    return settings.load(s3_gateway.environ(s3_gateway.new_bucket()))


@pytest.fixture
def versioned_settings(request: pytest.FixtureRequest) -> Settings:
    """Settings of a bucket that keeps versions: on moto, since the embedded store has none, or on the store that was named."""
    if _named() == EMBEDDED:
        moto: Settings = request.getfixturevalue("aws_settings")
        return moto
    gateway: S3Gateway = request.getfixturevalue("s3_gateway")
    bucket = gateway.new_bucket()
    s3 = client(gateway)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.close()
    return settings.load(gateway.environ(bucket))


@pytest.fixture
def offline_settings() -> Settings:
    """Settings of a store that nobody has started."""
    return settings.load(S3Gateway("http://127.0.0.1:9", "an-access-key", "a-secret-key").environ("docusnap"))


@pytest.fixture
def aws_settings() -> Iterator[Settings]:
    """Settings of a versioned bucket on moto, which has AWS's versions but proves nothing about credentials."""
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing")
        client.create_bucket(Bucket="versioned")
        client.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
        yield settings.load(
            {
                "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
                "S3_BUCKET": "versioned",
                "S3_ENDPOINT_URL": "https://s3.us-east-1.amazonaws.com",
                "AWS_ACCESS_KEY_ID": "testing",
                "AWS_SECRET_ACCESS_KEY": "testing",
            }
        )
