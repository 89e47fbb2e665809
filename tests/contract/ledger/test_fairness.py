"""Between tenants it goes in turn; within one, first come, first served."""

from __future__ import annotations

from docusnap.model import Status

from tests.contract.ledger.world import ENGINE, World, page_of


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


def test_a_split_and_the_first_page_of_its_document_are_one_turn(world: World) -> None:
    world.upload("acme")
    world.split(10_000)
    world.claim()
    world.upload("zenith")
    split = world.claim()
    assert (split.tenant, split.is_split) == ("zenith", True)
    assert world.ledger.split(split, 1, ENGINE)
    page = world.ledger.claim(split)
    assert page is not None
    assert (page.document_id, page.page) == (split.document_id, 1)


def test_after_a_page_the_turn_goes_on_to_the_next_tenant(world: World) -> None:
    for tenant in ("acme", "zenith"):
        world.upload(tenant)
        world.split(3)
    first = world.claim()
    second = world.ledger.claim(first)
    assert second is not None
    assert second.tenant != first.tenant


def test_after_a_split_whose_pages_others_have_taken_the_order_is_the_usual_one(world: World) -> None:
    document = world.upload("acme")
    split = world.claim()
    world.ledger.split(split, 1, ENGINE)
    taken = world.claim()
    world.upload("zenith")
    nxt = world.ledger.claim(split)
    assert (taken.document_id, nxt and nxt.tenant) == (document.id, "zenith")


def test_many_splits_of_one_tenant_do_not_keep_anothers_page_waiting(world: World) -> None:
    world.upload("zenith")
    world.split(1)
    for _ in range(20):
        world.upload("acme")
    split = world.claim()
    assert (split.tenant, split.is_split) == ("acme", True)
    assert world.ledger.split(split, 1, ENGINE)
    assert world.ledger.claim(split) is not None
    assert world.claim().tenant == "zenith"


def test_of_ten_thousand_pages_none_is_begun_by_who_is_free_before_anothers_split_and_page(world: World) -> None:
    """Four workers, each at a page of one tenant's, when a page of another's arrives: who is free first does all of it."""
    document = world.upload("acme")
    world.split(10_000)
    at_work = [world.claim() for _ in range(4)]
    other = world.upload("zenith")
    assert world.ledger.finish(at_work[0], page_of(1, "text"))
    split = world.ledger.claim(at_work[0])
    assert split is not None
    assert world.ledger.finish(at_work[1], page_of(2, "text"))
    meanwhile = world.ledger.claim(at_work[1])
    assert meanwhile is not None
    assert meanwhile.document_id == document.id  # nobody idles while the pages are counted
    assert world.ledger.split(split, 1, ENGINE)
    page = world.ledger.claim(split)
    assert page is not None
    assert world.ledger.finish(page, page_of(1, "text"))
    assert world.see(other).served.status is Status.SUCCEEDED
    assert world.see(document).served.pages.done == 2
