"""Between tenants it goes in turn; within one, first come, first served."""

from __future__ import annotations

from tests.contract.ledger.world import World


def test_one_tenants_many_pages_do_not_keep_anothers_one_waiting(world: World) -> None:
    world.upload("acme")
    world.split(50)
    world.upload("zenith")
    assert {world.claim().tenant for _ in range(2)} == {"acme", "zenith"}


def test_tenants_take_turns(world: World) -> None:
    for tenant in ("acme", "acme", "acme", "zenith", "zenith", "zenith"):
        world.upload(tenant)
    turns = [world.claim().tenant for _ in range(6)]
    assert sorted(turns[0:2]) == sorted(turns[2:4]) == sorted(turns[4:6]) == ["acme", "zenith"]


def test_a_tenant_without_due_work_is_passed_over(world: World) -> None:
    documents = [world.upload("acme") for _ in range(3)]
    assert [world.claim().document_id for _ in range(3)] == [document.id for document in documents]


def test_a_newcomer_is_served_before_those_who_were_served(world: World) -> None:
    world.upload("acme")
    world.upload("acme")
    world.claim()
    world.upload("zenith")
    assert world.claim().tenant == "zenith"


def test_what_was_due_first_is_claimed_first(world: World) -> None:
    first = world.upload("acme")
    world.later(seconds=1)
    world.upload("acme")
    assert world.claim().document_id == first.id
