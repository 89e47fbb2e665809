"""Time-outs: the function's own, and what is left behind when the platform gives a call up."""

from __future__ import annotations

import time

from tests.conformance.checks.bodies import answered
from tests.conformance.checks.limits import in_progress
from tests.conformance.homes import Front
from tests.conformance.world import World, check, eventually, problem


@check()
def a_reader_who_waits_is_answered_when_the_wait_is_over(world: World) -> None:
    document = world.uploaded()
    began = time.monotonic()
    answer = world.at(world.target("query")).get(f"/v1/documents/{document}?wait=1")
    assert (answer.status_code, answer.json()["status"]) == (200, "queued")
    assert 1 <= time.monotonic() - began < 3


@check("openfaas", "knative")
def past_the_platforms_time_out_the_caller_gets_504_and_the_place_is_free_again(world: World) -> None:
    document = world.uploaded()
    with world.serve("query", Front(seconds=1), MAX_INFLIGHT="2") as target:
        late = world.at(target).get(f"/v1/documents/{document}?wait=4")
        assert late.status_code == 504
        if world.front == "openfaas":
            assert late.headers["X-OpenFaaS-Internal"] == "of-watchdog"
        eventually(lambda: in_progress(target) == 0, 6, "the place is free again")
        assert world.at(target).get(f"/v1/documents/{document}").status_code == 200


@check("openfaas")
def past_the_gateways_time_out_the_caller_gets_502(world: World) -> None:
    document = world.uploaded()
    with world.serve("query", Front(seconds=10, gateway_seconds=1)) as target:
        assert world.at(target).get(f"/v1/documents/{document}?wait=3").status_code == 502
        assert world.at(target).get(f"/v1/documents/{document}").status_code == 200


@check("openfaas")
def a_cut_connection_makes_a_get_come_again_and_a_post_fail_and_neither_does_harm(world: World) -> None:
    """With write_timeout = exec_timeout of-watchdog cuts; what then comes again finds the function in order."""
    document = world.uploaded()
    with world.serve("query", Front(seconds=0.5, cut=True, gateway_seconds=3)) as target:
        assert world.at(target).get(f"/v1/documents/{document}?wait=2").status_code == 502
        assert world.at(target).post(f"/v1/documents/{document}", {}).status_code == 405
        assert world.at(target).get(f"/v1/documents/{document}").json()["status"] == "queued"


@check("bare")
def half_a_body_is_given_up_after_ten_seconds_and_keeps_nobody_waiting(world: World) -> None:
    target = world.target("upload")
    with target.connect() as slow:
        slow.sendall(target.head("POST", "/v1/documents", "Content-Length: 500") + b"{")
        began = time.monotonic()
        problem(target.post("/v1/documents", json={}), 401, "missing_key")
        assert time.monotonic() - began < 5
        assert answered(slow) == 408
        assert time.monotonic() - began < 15
