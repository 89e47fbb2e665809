"""One home after the other, on one database and one store; at the end the table."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from docusnap.adapters.postgres.ledger import PostgresLedger

from tests.conformance import table
from tests.conformance.homes import HOMES
from tests.conformance.world import Running, World
from tests.support.api import EVENTS_TOKEN
from tests.support.store import S3Gateway

NAMES = os.environ.get("CONFORMANCE_HOMES", "process").split(",")  # the other homes take minutes: tests/system/conformance


@pytest.fixture(scope="session")
def environ(migrated_database_url: str, s3_gateway: S3Gateway) -> dict[str, str]:
    """What an operator would set for every function."""
    store = s3_gateway.environ(s3_gateway.new_bucket())
    return {**store, "DATABASE_URL": migrated_database_url, "EVENTS_TOKEN": EVENTS_TOKEN}


@dataclass
class Street:
    """One home at a time, with the functions that its checks share. No parametrised fixture: pytest would go to and fro between homes."""

    environ: Mapping[str, str]
    folder: Callable[[], Path]
    current: Running | None = None

    def running(self, name: str) -> Running:
        if self.current is None or self.current.home.name != name:
            self.close()
            self.current = Running(HOMES[name], self.environ, self.folder())
        return self.current

    def close(self) -> None:
        if self.current is not None:
            self.current.held.close()


@pytest.fixture(scope="module")
def street(environ: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    street = Street(environ, lambda: tmp_path_factory.mktemp("home"))
    yield street
    street.close()


@pytest.fixture
def database(database_url: str) -> sa.Engine:
    return sa.create_engine(database_url, poolclass=sa.pool.NullPool)


@pytest.fixture
def world(street: Street, home: str, ledger: PostgresLedger, database: sa.Engine) -> World:
    """What a check gets, in the home of that name."""
    return World(street.running(home), ledger, database)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    table.note(item, report)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if lines := table.lines():
        terminalreporter.section("conformance")
        terminalreporter.write_line("\n".join(lines))
