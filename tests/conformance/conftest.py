"""One home after the other, on one database and one store; at the end the table."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import sqlalchemy as sa
from docusnap.adapters.postgres.ledger import PostgresLedger

from tests.conformance import table
from tests.conformance.homes import HOMES
from tests.conformance.world import Running, World
from tests.support.api import EVENTS_TOKEN
from tests.support.store import S3Gateway

PROCESSES = "process,process behind of-watchdog,process behind queue-proxy"
NAMES = os.environ.get("CONFORMANCE_HOMES", PROCESSES).split(",")


@pytest.fixture(scope="session")
def environ(migrated_database_url: str, s3_gateway: S3Gateway) -> dict[str, str]:
    """What an operator would set for every function."""
    store = s3_gateway.environ(s3_gateway.new_bucket())
    return {**store, "DATABASE_URL": migrated_database_url, "EVENTS_TOKEN": EVENTS_TOKEN}


@pytest.fixture(scope="session")
def running(request: pytest.FixtureRequest, environ: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A home, and the functions that its checks share; by the parameter `home`."""
    running = Running(HOMES[request.param], environ, tmp_path_factory.mktemp("home"))
    with running.held:
        yield running


@pytest.fixture
def sql(database_url: str) -> Iterator[Any]:
    engine = sa.create_engine(database_url, poolclass=sa.pool.NullPool)

    def run(statement: str) -> Any:
        with engine.connect() as connection:
            return connection.execute(sa.text(statement)).all()

    yield run
    engine.dispose()


@pytest.fixture
def world(running: Running, ledger: PostgresLedger, sql: Any) -> World:
    return World(running, ledger, sql)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    table.note(item, report)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if lines := table.lines():
        terminalreporter.section("conformance")
        terminalreporter.write_line("\n".join(lines))
