"""A home with a database, a store and clients; and the list of checks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from docusnap.adapters.postgres.ledger import PostgresLedger
from docusnap.model import Scope

from tests.conformance.homes import USUAL, Front, Home
from tests.conformance.target import Target
from tests.support.api import EVENTS_TOKEN, Tenant

FRONTS = ("bare", "openfaas", "knative")


@dataclass
class Running:
    """Functions with usual settings, each started once for all checks of a home."""

    home: Home
    environ: Mapping[str, str]
    folder: Path
    held: ExitStack = field(default_factory=ExitStack)
    targets: dict[str, Target] = field(default_factory=dict)

    def target(self, function: str) -> Target:
        if function not in self.targets:
            self.targets[function] = self.held.enter_context(self.serve(function))
        return self.targets[function]

    @contextmanager
    def serve(self, function: str, front: Front = USUAL, **environ: str) -> Iterator[Target]:
        folder = self.folder / f"{function}-{time.monotonic_ns()}"
        folder.mkdir()
        with self.home.serve({**self.environ, "FUNCTION": function, **environ}, folder, front) as target:
            yield target


@dataclass(frozen=True, slots=True)
class World:
    """What a check gets: an empty database, and functions on it."""

    running: Running
    ledger: PostgresLedger
    database: sa.Engine  # without a pool
    tenants: dict[str, str] = field(default_factory=dict)

    @property
    def front(self) -> str:
        return self.running.home.front

    @property
    def bucket(self) -> str:
        return self.running.environ["S3_BUCKET"]

    def target(self, function: str) -> Target:
        """One that all checks share, with usual settings."""
        return self.running.target(function)

    def serve(self, function: str, front: Front = USUAL, **environ: str) -> AbstractContextManager[Target]:
        """One of this check's own, which it may end."""
        return self.running.serve(function, front, **environ)

    def run(self, **environ: str) -> tuple[int, str]:
        return self.running.home.run({**self.running.environ, **environ})

    def at(self, target: Target, name: str = "alice") -> Tenant:
        """The tenant of that name as a client of a function."""
        if name not in self.tenants:
            self.tenants[name] = self.ledger.create_key(name, {Scope.USER})
        return Tenant(target, self.tenants[name])  # type: ignore[arg-type]  a target is called as a server is

    def sql(self, statement: str) -> Any:
        with self.database.connect() as connection:
            return connection.execute(sa.text(statement)).all()

    @contextmanager
    def locked(self, table: str) -> Iterator[None]:
        """Keeps a table from everybody, as a database does that is slow."""
        with self.database.begin() as connection:
            connection.execute(sa.text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
            yield

    def uploaded(self, data: bytes = b"abc", **members: Any) -> str:
        """A document of alice's whose object is there and known: it stays `queued` until somebody works."""
        document = self.at(self.target("upload")).send(data, **members)
        intake = self.target("intake")
        record = {"bucket": {"name": self.bucket}, "object": {"key": f"uploads/alice-{document}"}}
        event = {"Records": [{"eventSource": "minio:s3", "eventName": "s3:ObjectCreated:Put", "s3": record}]}
        told = intake.post("/events/s3", json=event, headers={"Authorization": f"Bearer {EVENTS_TOKEN}"})
        assert (told.status_code, told.json()["queued"]) == (200, 1), told.text
        return document


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the table."""

    topic: str
    name: str
    run: Callable[[World], None]
    fronts: tuple[str, ...]  # where it means something


CHECKS: list[Check] = []


def check(*fronts: str) -> Callable[[Callable[[World], None]], Callable[[World], None]]:
    """Adds a function to the suite; its name is the sentence that the table shows. `fronts`: only behind these."""

    def add(run: Callable[[World], None]) -> Callable[[World], None]:
        CHECKS.append(Check(run.__module__.rpartition(".")[2], run.__name__, run, fronts or FRONTS))
        return run

    return add


def problem(response: Any, status: int, code: str) -> None:
    """It is our own answer, a problem document, and not the platform's."""
    assert (response.status_code, response.headers.get("Content-Type")) == (status, "application/problem+json"), response.text[:500]
    assert response.json()["code"] == code


def eventually(true: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)


def sentences(log: str) -> list[str]:
    """The messages of a function's log, which is one JSON object a line."""
    return [str(json.loads(line)["message"]) for line in log.splitlines() if line.startswith("{")]
