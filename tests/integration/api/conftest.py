"""One gateway a session, on a database that every test finds empty."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from docusnap.adapters.postgres.ledger import PostgresLedger
from docusnap.model import Scope

from tests.support.api import Server, Tenant, serve
from tests.support.store import S3Gateway


@pytest.fixture(scope="session")
def environ(migrated_database_url: str, s3_gateway: S3Gateway) -> dict[str, str]:
    """What an operator would set."""
    return {**s3_gateway.environ(s3_gateway.new_bucket()), "DATABASE_URL": migrated_database_url, "MAX_JSON_BYTES": "20000"}


@pytest.fixture(scope="session")
def _gateway(environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("gateway"), environ) as server:
        yield server


@pytest.fixture
def server(_gateway: Server, database_url: str) -> Server:
    return _gateway


@pytest.fixture
def tenant_of(ledger: PostgresLedger) -> Callable[[Server, str], Tenant]:
    """A key of a tenant, and the server to use it on."""
    return lambda server, name: Tenant(server, ledger.create_key(name, {Scope.USER}))


@pytest.fixture
def alice(server: Server, tenant_of: Callable[[Server, str], Tenant]) -> Tenant:
    return tenant_of(server, "alice")


@pytest.fixture
def bob(server: Server, tenant_of: Callable[[Server, str], Tenant]) -> Tenant:
    return tenant_of(server, "bob")


@pytest.fixture
def bucket(environ: dict[str, str]) -> str:
    return environ["S3_BUCKET"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def s3_client(environ: dict[str, str]) -> Iterator[Any]:
    """Somebody else's S3 client."""
    client = boto3.client(
        "s3",
        endpoint_url=environ["S3_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id=environ["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environ["AWS_SECRET_ACCESS_KEY"],
    )
    yield client
    client.close()
