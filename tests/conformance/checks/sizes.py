"""Large bodies are refused without harm, large answers arrive whole."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import requests

from tests.conformance.checks.bodies import BODY, pieces
from tests.conformance.world import World, check, problem
from tests.support import recognised
from tests.support.api import EVENTS_TOKEN

LIMIT = 1_000_000  # MAX_JSON_BYTES as it comes
LARGE = 3_000_000


def padded(size: int) -> bytes:
    """The same request in so many bytes."""
    return BODY[:-1] + b" " * (size - len(BODY)) + b"}"


@check()
def a_body_of_three_megabytes_is_refused_and_the_next_call_is_fine(world: World) -> None:
    alice = world.at(world.target("upload"))
    key = {"Authorization": f"Bearer {alice.key}"}
    url = f"{world.target('upload').url}/v1/documents"
    with requests.Session() as caller:
        for data in _both(padded(LARGE)):
            problem(caller.post(url, data=data, headers=key, timeout=30), 413, "body_too_large")
            assert caller.post(url, data=BODY, headers=key, timeout=30).status_code == 201
    for data in _both(b" " * LARGE):
        problem(world.target("intake").post(f"/events/s3/{EVENTS_TOKEN}", data=data), 413, "body_too_large")
    for data in _both(b" " * LARGE):
        problem(world.target("ocr").post("/", data=data), 413, "body_too_large")


@check()
def a_body_of_just_the_limit_is_taken_and_one_byte_more_is_not(world: World) -> None:
    alice = world.at(world.target("upload"))
    for data in _both(padded(LIMIT)):
        assert alice.call("POST", "/v1/documents", data=data).status_code == 201
    for data in _both(padded(LIMIT + 1)):
        problem(alice.call("POST", "/v1/documents", data=data), 413, "body_too_large")


def _both(body: bytes) -> Iterator[bytes | Iterator[bytes]]:
    yield body
    yield pieces(body, 50_000)


@check()
def an_answer_of_megabytes_arrives_whole(world: World) -> None:
    document = world.uploaded()
    lines = [f"line {number} " + "x" * 40 for number in range(60)]
    recognised.recognise(world.ledger, [lines] * 300)
    alice = world.at(world.target("query"))
    answers = [alice.get(f"/v1/documents/{document}/content") for _ in range(2)]
    for answer in answers:
        assert answer.status_code == 200, answer.text[:500]
        assert len(answer.content) > 3 * LARGE / 2
        assert [len(page["lines"]) for page in answer.json()["pages"]] == [60] * 300
    assert all(first.content == second.content for first, second in pairwise(answers))
    assert int(alice.call("HEAD", f"/v1/documents/{document}/content").headers["Content-Length"]) == len(answers[0].content)
