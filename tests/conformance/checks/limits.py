"""How many calls go on at once, and what becomes of one more."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import requests

from tests.conformance.homes import Front
from tests.conformance.target import Target
from tests.conformance.world import World, check, eventually, problem

AT_ONCE = 2
QUEUED = 10 * AT_ONCE  # queue-proxy's, by its source


def in_progress(target: Target) -> int:
    """Requests that the function is answering, without this one."""
    scraped = requests.get(f"{target.function_url}/metrics", timeout=10).text
    return sum(int(float(line.split()[1])) for line in scraped.splitlines() if line.startswith("docusnap_http_requests_in_progress ")) - 1


@contextmanager
def held(world: World, target: Target, document: str, seconds: int) -> Iterator[Future[requests.Response]]:
    """A reader who waits for a document that nobody works on; it is in the function once this begins."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(world.at(target).get, f"/v1/documents/{document}?wait={seconds}")
        eventually(lambda: in_progress(target) >= 1, 10, "the reader waits")
        yield waiting


@contextmanager
def stuck(world: World, target: Target, document: str, calls: int) -> Iterator[None]:
    """So many calls that the database does not answer before this ends: it holds the keys that they bring."""
    reader = world.at(target)
    with ThreadPoolExecutor(calls) as pool:
        with world.locked("api_key"):
            waiting = [pool.submit(reader.get, f"/v1/documents/{document}") for _ in range(calls)]
            eventually(lambda: in_progress(target) >= calls, 10, f"{calls} calls are under way")
            yield
            assert not any(call.done() for call in waiting)
        assert [call.result().status_code for call in waiting] == [200] * calls


@check()
def one_call_more_than_max_inflight_is_refused_at_once_and_probes_answer(world: World) -> None:
    document = world.uploaded()
    with world.serve("query", MAX_INFLIGHT=str(AT_ONCE)) as target:
        with stuck(world, target, document, AT_ONCE):
            refused = world.at(target).get(f"/v1/documents/{document}", timeout=5)
            problem(refused, 429, "at_capacity")
            assert int(refused.headers["Retry-After"]) > 0
            for path in ("/_/health", "/_/ready"):
                assert target.probe(path) == 200
            assert target.get("/metrics").status_code == 200
        assert world.at(target).get(f"/v1/documents/{document}").status_code == 200


@check("openfaas")
def of_watchdogs_own_max_inflight_is_429_too(world: World) -> None:
    document = world.uploaded()
    with world.serve("query", Front(at_once=AT_ONCE)) as target:
        with stuck(world, target, document, AT_ONCE):
            assert world.at(target).get(f"/v1/documents/{document}").status_code == 429
        assert world.at(target).get(f"/v1/documents/{document}").status_code == 200


@check("knative")
def what_queue_proxy_queues_is_answered_and_what_is_too_much_gets_503(world: World) -> None:
    """MAX_INFLIGHT as large as containerConcurrency refuses nothing that the platform lets through."""
    document = world.uploaded()
    with world.serve("query", Front(at_once=AT_ONCE), MAX_INFLIGHT=str(AT_ONCE)) as target, ThreadPoolExecutor(2 * QUEUED) as pool:
        with stuck(world, target, document, AT_ONCE):
            crowd = [pool.submit(world.at(target).get, f"/v1/documents/{document}") for _ in range(2 * QUEUED)]
            eventually(lambda: sum(call.done() for call in crowd) == QUEUED, 10, "what is too much is refused")
        told = sorted(call.result().status_code for call in crowd)
    assert told == [200] * QUEUED + [503] * QUEUED
