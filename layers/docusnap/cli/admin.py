"""`migrate`, `sweep` and `keys`: what is done beside the API, on the machine or the database itself."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import cast

from docusnap.adapters.postgres.ledger import PostgresLedger
from docusnap.adapters.waker import HttpWaker
from docusnap.bootstrap import parts
from docusnap.cli.parser import Options
from docusnap.cli.place import database_url
from docusnap.hosts.embedded import plan
from docusnap.model import Scope

WAKE_SECONDS = 10.0  # a worker that takes longer goes on when its caller has left


def migrate(_options: Options, environ: Mapping[str, str]) -> int:
    # Late: Alembic is not installed beside the zip functions.
    importlib.import_module("docusnap.migrations").migrate(database_url(environ))
    return 0


def sweep(_options: Options, environ: Mapping[str, str]) -> int:
    """One run of the `sweep` function; what each step found goes to stdout as JSON. 1 where a step failed."""
    if not environ.get("DATABASE_URL") and not environ.get("DATABASE_URL_FILE"):
        of_running = plan.of_running(environ)
        os.environ.clear()  # what is left out there must not come from this shell
        os.environ.update(of_running)
    sys.path.insert(0, str(plan.code_folder()))
    found = importlib.import_module("functions.sweep.app").handler({}, None)
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()
    cast("HttpWaker", parts().waker).flush(WAKE_SECONDS)
    return int(any(count == -1 for count in found.values()))


def create_key(options: Options, environ: Mapping[str, str]) -> int:
    with opened_ledger(environ) as ledger:
        key = ledger.create_key(options.tenant, frozenset(Scope(word) for word in options.scope or ["user"]))
    sys.stdout.write(f"{key}\n")
    return 0


def list_keys(_options: Options, environ: Mapping[str, str]) -> int:
    with opened_ledger(environ) as ledger:
        keys = ledger.keys()
    for key in keys:
        state = f"revoked {key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else "in use"
        scopes = ",".join(sorted(key.scopes))
        sys.stdout.write(f"{key.id}  {key.tenant:<16}  {scopes:<14}  {key.created_at:%Y-%m-%d %H:%M}  {state}\n")
    return 0


def revoke_key(options: Options, environ: Mapping[str, str]) -> int:
    with opened_ledger(environ) as ledger:
        revoked = ledger.revoke_key(options.id)
    if not revoked:
        sys.stderr.write(f"docusnap: There is no key {options.id} in use; docusnap keys list shows them.\n")
    return 0 if revoked else 1


@contextmanager
def opened_ledger(environ: Mapping[str, str]) -> Iterator[PostgresLedger]:
    """The ledger of a command. Raises: NoServer, ConfigurationError, DatabaseUnavailable, SchemaOutdated."""
    ledger = PostgresLedger.connect(database_url(environ), pool_size=1)
    try:
        ledger.ready()
        yield ledger
    finally:
        ledger.dispose()
