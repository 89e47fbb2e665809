from __future__ import annotations

import pytest
from docusnap.adapters.postgres.ledger import PostgresLedger
from docusnap.model import Scope

from tests.contract.ledger.world import World


@pytest.fixture
def world(ledger: PostgresLedger, database_url: str) -> World:
    """A ledger with two tenants."""
    for tenant in ("acme", "zenith"):
        ledger.create_key(tenant, [Scope.USER])
    return World(ledger, database_url)
