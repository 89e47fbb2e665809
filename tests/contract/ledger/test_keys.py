"""Tenants and API keys."""

from __future__ import annotations

import pytest
from docusnap.errors import ConfigurationError
from docusnap.model import Scope

from tests.contract.ledger.world import World


def test_a_new_key_speaks_for_its_tenant_with_its_scopes(world: World) -> None:
    secret = world.ledger.create_key("acme", [Scope.USER, Scope.OPERATOR])
    caller = world.ledger.authenticate(secret)
    assert caller is not None
    assert (caller.tenant, caller.scopes) == ("acme", {Scope.USER, Scope.OPERATOR})


def test_a_secret_is_long_random_and_nowhere_in_the_database(world: World) -> None:
    secret = world.ledger.create_key("acme", [Scope.USER])
    assert secret.startswith("ds_")
    assert len(secret) == 46
    assert secret not in str(world.sql("SELECT * FROM api_key"))


def test_creating_a_key_creates_the_tenant_once(world: World) -> None:
    for _ in range(2):
        world.ledger.create_key("newcomer", [Scope.USER])
    assert [row.id for row in world.sql("SELECT id FROM tenant WHERE id = 'newcomer'")] == ["newcomer"]


@pytest.mark.parametrize("name", ["", "A", "a b", "-a", "a/b", "a" * 63, "é", "a\n"])
def test_a_tenant_name_that_cannot_stand_in_a_key_is_refused(world: World, name: str) -> None:
    with pytest.raises(ConfigurationError, match="no tenant name"):
        world.ledger.create_key(name, [Scope.USER])


@pytest.mark.parametrize("secret", ["", "ds_wrong", "ds_\0", "\ud800"])
def test_an_unknown_key_speaks_for_nobody(world: World, secret: str) -> None:
    assert world.ledger.authenticate(secret) is None


def test_a_revoked_key_speaks_for_nobody_and_is_revoked_once(world: World) -> None:
    secret = world.ledger.create_key("acme", [Scope.USER])
    caller = world.ledger.authenticate(secret)
    assert caller is not None
    assert world.ledger.revoke_key(caller.key_id)
    assert world.ledger.authenticate(secret) is None
    assert not world.ledger.revoke_key(caller.key_id)


def test_revoking_a_key_that_is_not_there_does_nothing(world: World) -> None:
    assert not world.ledger.revoke_key("nobody's")


def test_the_list_shows_every_key_with_what_it_may_and_since_when(world: World) -> None:
    listed = world.ledger.keys()
    keys = {key.tenant: key for key in listed}
    assert set(keys) == {"acme", "zenith"}
    assert keys["acme"].scopes == {Scope.USER}
    assert keys["acme"].revoked_at is None
