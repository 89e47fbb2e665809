"""A flight recorder inside the database: every change of a unit of work, with who made it and when.

It is a trigger on the table `work`, committed with the change that it records, so that no crash can part the two. Who writes is told by the
`application_name` in the writer's DATABASE_URL; the stack itself has none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import psycopg2

INSTALL = """
CREATE SCHEMA chaos;
CREATE TABLE chaos.flight (
    id bigserial PRIMARY KEY, at double precision NOT NULL, writer text NOT NULL, revision_id bigint NOT NULL, page integer NOT NULL,
    state text NOT NULL, attempt integer NOT NULL, failures integer NOT NULL, lost integer NOT NULL, rejected boolean NOT NULL, code text
);
CREATE FUNCTION chaos.record() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO chaos.flight (at, writer, revision_id, page, state, attempt, failures, lost, rejected, code) VALUES (
        extract(epoch FROM clock_timestamp()), current_setting('application_name'),
        NEW.revision_id, NEW.page, NEW.state, NEW.attempt, NEW.failures, NEW.lost, NEW.rejected, NEW.error ->> 'code');
    RETURN NULL;
END $$;
CREATE TRIGGER record AFTER INSERT OR UPDATE ON work FOR EACH ROW EXECUTE FUNCTION chaos.record();
"""
ENDED = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Change:
    """A unit of work as it was after one change."""

    at: float  # by the machine's clock
    writer: str
    revision: int
    page: int  # 0: the split
    state: str
    attempt: int
    failures: int
    lost: int
    rejected: bool
    code: str | None  # of the last failure


@dataclass(frozen=True, slots=True)
class Lease:
    """What became of one claim; `outcome` is done, rejected, failed, again (a failure that is tried again), handed over, lost, or held."""

    claimed: Change
    ended: Change | None
    outcome: str

    def open_at(self, moment: float) -> bool:
        return self.claimed.at <= moment and (self.ended is None or self.ended.at > moment)


class Flight:
    """Reads what was recorded; a database that is away at that moment tells None."""

    def __init__(self, url: str) -> None:
        self._url = url

    def install(self) -> None:
        with closing(self._connect()) as connection, connection, connection.cursor() as cursor:
            cursor.execute(INSTALL)

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]] | None:
        try:
            with closing(self._connect()) as connection, connection.cursor() as cursor:
                cursor.execute(query, values)
                return list(cursor.fetchall())
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            return None

    def _connect(self) -> Any:
        return psycopg2.connect(self._url, application_name="flight", connect_timeout=3)

    def held(self, writer: str, seconds: float = 3.0, pages_only: bool = False) -> int:
        """How many leases this writer holds that it claimed in the last seconds."""
        rows = self.ask(
            "SELECT count(*) FROM work JOIN LATERAL (SELECT writer, at FROM chaos.flight f WHERE f.revision_id = work.revision_id"
            " AND f.page = work.page ORDER BY id DESC LIMIT 1) last ON true WHERE state = 'processing' AND last.writer = %s"
            " AND last.at > extract(epoch FROM clock_timestamp()) - %s AND work.page >= %s",
            *(writer, seconds, int(pages_only)),
        )
        return int(rows[0][0]) if rows else 0

    def done_since(self, moment: float) -> float | None:
        """When the first unit of work that was claimed after this moment was done."""
        rows = self.ask(
            "SELECT min(d.at) FROM chaos.flight d JOIN chaos.flight c ON c.revision_id = d.revision_id AND c.page = d.page"
            " AND c.attempt = d.attempt AND c.state = 'processing' WHERE d.state IN ('succeeded', 'failed') AND c.at > %s",
            moment,
        )
        return rows[0][0] if rows else None

    def counted(self, code: str) -> int:
        """How often a unit of work was recorded with this failure."""
        rows = self.ask("SELECT count(*) FROM chaos.flight WHERE code = %s", code)
        return int(rows[0][0]) if rows else 0

    def taken_over(self, writer: str, since: float) -> bool:
        """Whether somebody else has claimed what this writer claimed last before that moment."""
        rows = self.ask(
            "SELECT w.attempt > f.attempt FROM chaos.flight f JOIN work w ON w.revision_id = f.revision_id AND w.page = f.page"
            " WHERE f.writer = %s AND f.state = 'processing' AND f.at < %s ORDER BY f.id DESC LIMIT 1",
            *(writer, since),
        )
        return bool(rows and rows[0][0])

    def done_by(self, writer: str, since: float) -> int:
        rows = self.ask("SELECT count(*) FROM chaos.flight WHERE writer = %s AND at > %s AND state = 'succeeded'", writer, since)
        return int(rows[0][0]) if rows else 0

    def changes(self) -> Sequence[Change]:
        rows = self.ask(
            "SELECT at, writer, revision_id, page, state, attempt, failures, lost, rejected, code FROM chaos.flight ORDER BY id"
        )
        assert rows is not None, "the database is away"
        return [Change(*row) for row in rows]


def by_unit(changes: Sequence[Change]) -> Mapping[tuple[int, int], Sequence[Change]]:
    """The changes of each unit of work, in order."""
    found: dict[tuple[int, int], list[Change]] = defaultdict(list)
    for change in changes:
        found[change.revision, change.page].append(change)
    return found


def leases(changes: Sequence[Change]) -> Sequence[Lease]:
    return [lease for unit in by_unit(changes).values() for lease in _leases(unit)]


def _leases(unit: Sequence[Change]) -> Iterator[Lease]:
    claims = [change for change, before in zip(unit, [None, *unit], strict=False) if before is None or change.attempt > before.attempt]
    for claim in (claim for claim in claims if claim.state == "processing"):
        later = [change for change in unit[unit.index(claim) + 1 :] if change.state != "processing" or change.attempt > claim.attempt]
        ended = later[0] if later else None
        yield Lease(claim, ended, "held" if ended is None else _outcome(claim, ended))


def _outcome(claim: Change, ended: Change) -> str:
    if ended.attempt > claim.attempt:
        return "lost"
    if ended.state == "succeeded":
        return "done"
    if ended.state == "failed":
        return "rejected" if ended.rejected else "failed"
    return "again" if ended.failures > claim.failures else "handed over"
