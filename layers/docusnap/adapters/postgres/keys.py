"""Tenants and API keys."""

from __future__ import annotations

import hashlib
import re
import secrets
import uuid
from collections.abc import Collection, Sequence
from functools import cache

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from docusnap.adapters.postgres.database import Part, Row, reading, writing
from docusnap.adapters.postgres.question import Question
from docusnap.adapters.postgres.schema import api_key, tenant
from docusnap.errors import ConfigurationError
from docusnap.model import ApiKey, Caller, Scope


class Keys(Part):
    """ports.KeyLedger."""

    @writing
    def create_key(self, connection: sa.Connection, tenant: str, scopes: Collection[Scope]) -> str:
        """Create the tenant if need be and return the new key's secret.

        Raises: ConfigurationError for a tenant name that cannot stand in an object's key.
        """
        create_tenant(connection, tenant)
        secret = f"ds_{secrets.token_urlsafe(32)}"
        words = " ".join(sorted(set(scopes)))
        connection.execute(sa.insert(api_key).values(id=uuid.uuid4().hex, tenant_id=tenant, scopes=words, hash=hash_of(secret)))
        return secret

    @reading
    def keys(self, connection: sa.Connection) -> Sequence[ApiKey]:
        """All keys, the newest first."""
        rows = connection.execute(sa.select(api_key).order_by(api_key.c.created_at.desc(), api_key.c.id))
        return [ApiKey(row.id, row.tenant_id, _scopes(row.scopes), row.created_at, row.revoked_at) for row in rows]

    @writing
    def revoke_key(self, connection: sa.Connection, key_id: str) -> bool:
        """False where there is no such key, or it was revoked before."""
        in_use = (api_key.c.id == key_id) & api_key.c.revoked_at.is_(None)
        return connection.execute(sa.update(api_key).where(in_use).values(revoked_at=sa.func.now())).rowcount == 1

    def authenticate(self, secret: str) -> Caller | None:
        """None for an unknown or revoked key."""
        rows = _IN_USE.ask(self.database, {"hash": hash_of(secret)})
        return caller(rows[0]) if rows else None


# Of a key by its hash: one row, or none where it is unknown or revoked.
IN_USE = sa.select(api_key.c.id.label("key_id"), api_key.c.tenant_id.label("key_tenant"), api_key.c.scopes).where(
    api_key.c.hash == sa.bindparam("hash"), api_key.c.revoked_at.is_(None)
)
_IN_USE = Question(IN_USE)


def caller(row: Row) -> Caller:
    """A row of IN_USE."""
    return Caller(row.key_id, row.key_tenant, _scopes(row.scopes))


def create_tenant(connection: sa.Connection, name: str) -> None:
    """Raises: ConfigurationError for a name that cannot stand in an object's key."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,61}", name):
        raise ConfigurationError(f"{name!r} is no tenant name: use 1 to 62 lower-case letters, digits and hyphens, not a hyphen first.")
    connection.execute(insert(tenant).values(id=name).on_conflict_do_nothing())


def hash_of(secret: str) -> str:
    # A fast hash is enough: the secret has 256 random bits, so there is nothing to guess. A header may carry lone surrogates.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


@cache
def _scopes(words: str) -> frozenset[Scope]:
    return frozenset(Scope(word) for word in words.split())
