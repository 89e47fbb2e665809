"""The schema and the home's own API key, once the database answers."""

from __future__ import annotations

from sqlalchemy.exc import SQLAlchemyError

from docusnap.adapters.postgres.ledger import PostgresLedger
from docusnap.errors import DatabaseUnavailable
from docusnap.hosts.embedded.home import Home, read_line, write_private
from docusnap.hosts.embedded.trouble import CannotStart
from docusnap.migrations import migrate
from docusnap.model import Scope

TENANT = "default"


def bring_up_to_date(url: str) -> None:
    """Raises: CannotStart where the database does not let itself be migrated."""
    try:
        migrate(url)
    except (DatabaseUnavailable, SQLAlchemyError) as exc:
        reason = " ".join(str(exc.__cause__ or exc).split("\n", 1)[0].split())
        raise CannotStart(f"The database's schema cannot be brought up to date: {reason}.") from exc


def free_work(url: str) -> None:
    """Let the work of a killed start be claimed now, not when its leases run out. Only where the database is this home's alone."""
    ledger = PostgresLedger.connect(url, pool_size=1)
    try:
        ledger.release_leases()
    finally:
        ledger.dispose()


def own_key(home: Home, url: str) -> str:
    """The key in `api-key`, as it is where the database knows it, else a new one."""
    ledger = PostgresLedger.connect(url, pool_size=1)
    try:
        key = read_line(home.api_key)
        if key is None or ledger.authenticate(key) is None:
            key = ledger.create_key(TENANT, frozenset(Scope))
        write_private(home.api_key, f"{key}\n")
        return key
    finally:
        ledger.dispose()
