"""The database's clock jumps. It is the only one that decides, so a jump is felt: what it costs, and that nothing stays stuck.

`World.later` moves every moment back, as a jump forward does; with a negative time it is a jump back.
"""

from __future__ import annotations

import pytest
from docusnap.model import Progress, Status
from docusnap.ocr.retry import LONGEST

from tests.contract.ledger.world import CRASH, ENGINE, World, page_of


def states(world: World) -> list[tuple[str, int, int]]:
    return [tuple(row) for row in world.sql("SELECT state, failures, lost FROM work ORDER BY page")]  # type: ignore[misc]


def test_a_jump_forward_takes_the_leases_of_living_workers_whose_writes_are_refused(world: World) -> None:
    document = world.upload()
    world.split(1)
    living = world.claim()
    world.later(hours=5)
    second = world.claim()
    assert not world.ledger.finish(living, page_of(1, "first"))
    assert world.ledger.finish(second, page_of(1, "second"))
    assert world.see(document).served.pages == Progress(1, 1, 0)
    assert states(world)[1] == ("succeeded", 0, 1)  # one lease lost of ten, and no retry


def test_without_another_claim_a_jump_forward_costs_nothing(world: World) -> None:
    document = world.upload()
    world.split(1)
    living = world.claim()
    world.later(hours=5)
    assert world.ledger.finish(living, page_of(1, "text"))
    assert world.see(document).served.status is Status.SUCCEEDED


def test_after_a_jump_back_what_was_due_is_due_again_with_the_next_sweep(world: World) -> None:
    document = world.upload()
    world.split(2)
    world.later(hours=-5)
    assert world.ledger.claim() is None
    assert world.ledger.pull_back(10) == 2
    for _ in range(2):
        world.finish("text")
    assert world.see(document).served.status is Status.SUCCEEDED


def test_after_a_jump_back_a_living_worker_keeps_its_page_and_a_dead_ones_comes_again_after_a_lease(world: World) -> None:
    document = world.upload()
    world.split(2)
    living, dead = world.claim(), world.claim()
    world.later(hours=-5)
    world.ledger.pull_back(10)
    assert world.ledger.claim() is None
    assert world.ledger.finish(living, page_of(living.page, "text"))
    world.later(seconds=91)
    assert world.finish("text").page == dead.page
    assert world.see(document).served.status is Status.SUCCEEDED


def test_after_a_jump_back_uploads_are_looked_for_again(world: World) -> None:
    document = world.register()
    world.later(hours=-5)
    assert world.ledger.uploads_due(10) == []
    world.ledger.pull_back(10)
    assert [found.id for found in world.ledger.uploads_due(10)] == [document.id]


def test_after_a_jump_back_a_tenant_who_was_served_before_it_is_not_passed_over_until_then(world: World) -> None:
    for tenant in ("acme", "zenith"):
        world.upload(tenant)
        world.split(50)
    world.claim()
    world.claim()
    world.later(hours=-5)
    world.sql("UPDATE tenant SET served_at = now() - interval '1 minute' WHERE id = 'zenith'")
    world.ledger.pull_back(1000)
    assert {world.claim().tenant for _ in range(3)} == {"acme", "zenith"}


def test_pulling_back_is_bounded_and_leaves_alone_what_waits_for_its_time(world: World) -> None:
    world.upload()
    world.split(5)
    world.ledger.fail(world.claim(), CRASH, retry_in=LONGEST, rejected=False)
    leased = world.claim()
    assert world.ledger.pull_back(10) == 0
    world.later(hours=-5)
    assert [world.ledger.pull_back(3) for _ in range(3)] == [3, 2, 0]
    assert world.ledger.hand_over(leased, again_in=LONGEST)
    assert world.ledger.pull_back(10) == 0


@pytest.mark.parametrize("known", [0, 1])
def test_pulling_back_is_bounded_however_postgresql_goes_about_it(world: World, known: int) -> None:
    """Of a table that it knows to be tiny it may ask a subquery anew for each row, whose limit then bounds nothing."""
    for _ in range(known):
        world.upload()
    world.sql("ANALYZE work")
    for _ in range(5 - known):
        world.upload()
    world.later(hours=-5)
    assert [world.ledger.pull_back(3) for _ in range(3)] == [3, 2, 0]


def test_a_split_survives_a_jump_back_too(world: World) -> None:
    document = world.upload()
    work = world.claim()
    world.later(hours=-5)
    assert world.ledger.split(work, 1, ENGINE)
    world.ledger.pull_back(10)
    world.finish("text")
    assert world.see(document).served.status is Status.SUCCEEDED
