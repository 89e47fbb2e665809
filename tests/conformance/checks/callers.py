"""Many callers at once, and callers who go away."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from tests.conformance.checks.bodies import BODY
from tests.conformance.checks.limits import in_progress
from tests.conformance.world import World, check, eventually
from tests.support import pages

AT_ONCE, CALLS = 12, 240


@check()
def no_caller_sees_anothers_answer(world: World) -> None:
    query, upload = world.target("query"), world.target("upload")
    names = [f"tenant{number}" for number in range(6)]
    documents = {name: world.at(upload, name).create(filename=f"{name}.png")["id"] for name in names}

    def call(number: int) -> bool:
        name = names[number % len(names)]
        own = world.at(query, name).get(f"/v1/documents/{documents[name]}", headers={"X-Request-Id": f"r{number}"})
        other = world.at(query, name).get(f"/v1/documents/{documents[names[(number + 1) % len(names)]]}")
        return (own.json().get("filename"), own.headers["X-Request-Id"], other.status_code) == (f"{name}.png", f"r{number}", 404)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert all(pool.map(call, range(CALLS // 2)))


@check()
def what_a_caller_asked_for_is_done_though_it_hung_up(world: World) -> None:
    upload = world.target("upload")
    alice = world.at(upload)
    head = upload.head("POST", "/v1/documents", f"Authorization: Bearer {alice.key}", f"Content-Length: {len(BODY)}")
    for _ in range(5):
        with upload.connect() as client:
            client.sendall(head + BODY)
            time.sleep(0.05)  # it is in; nobody reads the answer
    reader = world.at(world.target("query"))
    eventually(lambda: len(reader.get("/v1/documents").json()["items"]) == 5, 5, "five documents are there")
    assert alice.create()["status"] == "awaiting_upload"


@check()
def a_reader_who_hung_up_keeps_its_place_no_longer_than_its_wait(world: World) -> None:
    document = world.uploaded()
    with world.serve("query", MAX_INFLIGHT="2") as target:
        head = target.head("GET", f"/v1/documents/{document}?wait=2", f"Authorization: Bearer {world.at(target).key}")
        for _ in range(2):
            with target.connect() as client:
                client.sendall(head)
                eventually(lambda: in_progress(target) >= 1, 5, "the reader waits")
        eventually(lambda: in_progress(target) == 0, 5, "both are gone")
        assert world.at(target).get(f"/v1/documents/{document}").status_code == 200


@check()
def ocr_goes_on_with_its_page_though_whoever_woke_it_hung_up(world: World) -> None:
    """On OpenFaaS a caller who hangs up cancels the call down to the function's connection; the page is read all the same."""
    document = world.uploaded(pages.saved(pages.corners(300, 200), "PNG"))
    ocr = world.target("ocr")
    with ocr.connect() as client:
        client.sendall(ocr.head("POST", "/", "Content-Length: 2") + b"{}")
        eventually(lambda: in_progress(ocr) >= 1 or _status(world, document) != "queued", 5, "it works")
    eventually(lambda: _status(world, document) == "succeeded", 30, "the page is read")
    assert ocr.post("/").json() == {"handled": 0}


def _status(world: World, document: str) -> str:
    return str(world.at(world.target("query")).get(f"/v1/documents/{document}").json()["status"])
