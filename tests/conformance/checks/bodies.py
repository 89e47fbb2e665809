"""Bodies arrive in chunks, whatever the caller sent: of-watchdog and OpenFaaS's gateway send them so."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

from tests.conformance.world import World, check, problem
from tests.support.api import EVENTS_TOKEN

EVENT = Path(__file__).parents[3] / "events/minio/removed.json"
BODY = json.dumps({"filename": "扫描件.png", "content_type": "image/png", "size": 3}).encode()


def pieces(body: bytes, size: int) -> Iterator[bytes]:
    return (body[start : start + size] for start in range(0, len(body), size))


def answered(client: socket.socket) -> int:
    """The status of the next answer on a connection, whose body is read."""
    response = http.client.HTTPResponse(client)
    response.begin()
    response.read()
    return response.status


@check()
def a_chunked_body_is_the_same_as_a_whole_one(world: World) -> None:
    """The same Idempotency-Key takes only the same body, so one identifier for all of them means that every byte came through."""
    alice = world.at(world.target("upload"))
    made = [
        alice.call("POST", "/v1/documents", data=data, headers={"Idempotency-Key": "one"})
        for data in (BODY, pieces(BODY, 1), pieces(BODY, 7), pieces(BODY, 1000))
    ]
    assert {answer.status_code for answer in made} == {201}, [answer.text for answer in made]
    assert len({answer.json()["id"] for answer in made}) == 1


@check()
def trailers_and_chunk_extensions_are_read_over(world: World) -> None:
    alice, target = world.at(world.target("upload")), world.target("upload")
    head = target.head("POST", "/v1/documents", f"Authorization: Bearer {alice.key}", "Transfer-Encoding: chunked", "Trailer: X-Sum")
    chunks = b"%x;name=value\r\n%b\r\n0\r\nX-Sum: 1\r\n\r\n" % (len(BODY), BODY)
    with target.connect() as client:
        for _ in range(2):  # the connection is still in step after the first
            client.sendall(head + chunks)
            assert answered(client) == 201


@check()
def a_length_beside_chunks_smuggles_nothing(world: World) -> None:
    """Refused where it comes so; a proxy of Go's drops the length and sends the chunks on. Never is the rest read as a second request."""
    alice, target = world.at(world.target("upload")), world.target("upload")
    head = target.head(
        "POST",
        "/v1/documents",
        f"Authorization: Bearer {alice.key}",
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
        "Connection: close",
    )
    with target.connect() as client:
        client.sendall(head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY))
        received = b"".join(iter(lambda: client.recv(65536), b""))
    assert len(re.findall(rb"HTTP/1.1 \d{3} ", received)) == 1, received
    assert received.startswith(b"HTTP/1.1 400" if world.front == "bare" else b"HTTP/1.1 201"), received[:200]


@check()
def an_event_of_the_store_may_come_in_chunks(world: World) -> None:
    event, headers = EVENT.read_bytes(), {"Authorization": f"Bearer {EVENTS_TOKEN}"}
    for data in (event, pieces(event, 100)):
        assert world.target("intake").post("/events/s3", data=data, headers=headers).status_code == 200


@check()
def a_wake_may_have_any_json_or_no_body(world: World) -> None:
    for data in (None, b"", b"{}", b'{"any": ["thing"]}', pieces(b"{}", 1)):
        answer = world.target("ocr").post("/", data=data)
        assert (answer.status_code, answer.json()) == (200, {"handled": 0}), answer.text
    assert world.target("sweep").post("/any/path").status_code == 200


@check()
def what_is_no_json_or_no_post_is_refused(world: World) -> None:
    for name in ("ocr", "sweep"):
        problem(world.target(name).post("/", data=pieces(b"{", 1)), 400, "malformed_json")
        wrong = world.target(name).get("/")
        problem(wrong, 405, "method_not_allowed")
        assert wrong.headers["Allow"] == "POST"
