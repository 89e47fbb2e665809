"""Two hundred documents through a stack that is killed, starved and cut off: each reaches its right end, each once.

Run by tests/system/chaos, in network and mount namespaces of its own. CHAOS_SEED repeats a run's order of faults.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.chaos.flight import ENDED, Lease, by_unit, leases
from tests.chaos.outcome import Outcome
from tests.chaos.report import in_flight
from tests.chaos.story import Story

MOST_CLAIMS = 12  # of one unit of work: every outage hands it over a few times, by growing pauses


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    ways_out = Path("/proc/net/route").read_text().splitlines()[1:]
    assert not ways_out, "run it by make test-chaos, in a network of its own"
    seed = int(os.environ.get("CHAOS_SEED") or random.randrange(10**6))
    print(f"\nCHAOS_SEED={seed}")
    return Story(seed).tell()


def test_every_document_reaches_its_right_end_and_there_is_one_of_each(outcome: Outcome) -> None:
    for paper in outcome.papers:
        found = [(document["status"], (document.get("error") or {}).get("code")) for document in outcome.documents[paper.name]]
        assert found == [(paper.status, paper.code)], paper.name
    assert sum(map(len, outcome.documents.values())) == len(outcome.papers) + 1, "the sample page is the other one"


def test_each_has_one_revision(outcome: Outcome) -> None:
    assert set(outcome.revisions.values()) == {1}
    assert {document["revision"] for found in outcome.documents.values() for document in found} == {1}


def test_every_page_has_its_own_text(outcome: Outcome) -> None:
    for paper in outcome.papers:
        pages = outcome.contents[paper.name]["pages"] if paper.pages else []
        assert [(page["number"], page["status"], page["text"]) for page in pages] == [
            (number, "succeeded", text) for number, text in enumerate(paper.pages, 1)
        ]


def test_the_search_finds_every_page_once(outcome: Outcome) -> None:
    for paper in outcome.papers:
        for number, page in enumerate(paper.pages, 1):
            hits = outcome.hits[page.partition("\n")[0]]
            assert [(hit["document_id"], hit["page"]) for hit in hits] == [(outcome.documents[paper.name][0]["id"], number)]


def test_every_unit_of_work_ended_once_and_nothing_changed_after(outcome: Outcome) -> None:
    for unit in by_unit(outcome.changes).values():
        ends = [number for number, change in enumerate(unit) if change.state in ENDED]
        assert ends == [len(unit) - 1], unit


def test_no_page_was_claimed_without_end(outcome: Outcome) -> None:
    claims = Counter((lease.claimed.revision, lease.claimed.page) for lease in leases(outcome.changes))
    assert max(claims.values()) <= MOST_CLAIMS, claims.most_common(3)


def test_only_a_child_that_died_at_work_used_up_a_retry(outcome: Outcome) -> None:
    """What the living worker reports; the death of the worker itself, and outages of all other parts, count nothing."""
    counted = [(lease.ended.code, lease.claimed.failures) for lease in leases(outcome.changes) if lease.outcome == "again" and lease.ended]
    assert sorted(counted) == [("decoder_crashed", 0), ("engine_crashed", 0)]


# What each says of it: its commit found no database; its page outlasted its lease, or gunicorn gave up a worker that was silent for 120 s.
TRIED = {"north": ("_ledger.finish(work, page)",), "south": ("page_timeout", "WORKER TIMEOUT")}


@pytest.mark.parametrize("host", TRIED)
def test_a_host_that_comes_back_writes_nothing_of_what_it_held(outcome: Outcome, host: str) -> None:
    assert any(words in outcome.logs[host] for words in TRIED[host]), "it did not even try"
    (event,) = [event for event in outcome.events if event.writer == host]
    (held,) = in_flight(event, outcome.events, leases(outcome.changes))
    assert held.outcome == "lost"
    assert held.ended is not None
    assert held.ended.writer != host or held.ended.at > outcome.returned[host]
    written = [change for change in outcome.changes if change.writer == host and change.at > event.began]
    assert all(change.at > outcome.returned[host] for change in written), "it was away"
    assert not [change for change in written if (change.revision, change.page, change.attempt) == _lease_of(held)]


def _lease_of(held: Lease) -> tuple[int, int, int]:
    return held.claimed.revision, held.claimed.page, held.claimed.attempt


def test_the_objects_are_those_that_were_sent(outcome: Outcome) -> None:
    for paper in outcome.papers:
        assert outcome.objects[outcome.keys[paper.name]] == hashlib.sha256(paper.body).hexdigest(), paper.name
    assert len(outcome.objects) == len(outcome.papers) + 1


def test_nothing_is_left(outcome: Outcome) -> None:
    assert outcome.due == 0
    assert outcome.exit_status == 0
    assert outcome.processes == []
    assert outcome.scratch == []
