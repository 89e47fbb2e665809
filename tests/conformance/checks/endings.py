"""SIGTERM: what is under way is answered or handed over, nothing new begins, and the end comes soon."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import requests
from docusnap.ocr import worker
from PIL import Image, ImageDraw, ImageFont

from tests.conformance.checks.bodies import answered
from tests.conformance.checks.limits import held
from tests.conformance.target import Target
from tests.conformance.world import World, check, eventually

assert worker.LEASE_SECONDS > 30  # a page that comes again sooner was handed over: its lease has not run out


@check()
def at_sigterm_a_call_in_flight_is_answered_and_the_container_ends_with_0(world: World) -> None:
    document = world.uploaded()
    seconds = 4 if world.front == "knative" else 20  # queue-proxy lets a call end, the others have it end early
    with world.serve("query") as target, held(world, target, document, seconds) as waiting:
        began = time.monotonic()
        target.terminate()
        assert waiting.result().status_code == 200
        assert set(target.ended()) == {0}
        assert time.monotonic() - began < 15


@check("bare")
def after_sigterm_new_callers_are_refused_at_once(world: World) -> None:
    """So that whoever sends on tries another container: no caller hangs until this one has ended."""
    with world.serve("query") as target:
        busy = target.connect()  # keeps it from ending at once
        busy.sendall(target.head("GET", "/_/health"))
        assert answered(busy) == 200
        target.terminate()
        eventually(lambda: refused(target), 2, "a new connection is refused")
        assert refused(target)
        busy.close()
        assert target.ended() == (0,)


def refused(target: Target) -> bool:
    try:
        requests.get(f"{target.function_url}/_/health", timeout=1)
    except requests.ConnectionError:
        return True
    except requests.Timeout as exc:
        raise AssertionError("a new caller is neither answered nor refused") from exc
    return False


@check()
def at_sigterm_ocr_hands_its_page_over_and_the_next_container_reads_it(world: World) -> None:
    """Under queue-proxy the call is let end instead: SIGTERM comes to the function when nothing is in flight."""
    document = world.uploaded(dense_page())
    with world.serve("ocr") as target:
        with requests.Session() as caller:
            answers = _later(lambda: caller.post(target.url, json={}, timeout=60))
            eventually(lambda: page(world) == "processing", 40, "a page is under way")
            target.terminate()
            assert answers().json()["handled"] >= 1
        assert set(target.ended()) == {0}
    failures, lost = world.sql("SELECT sum(failures), sum(lost) FROM work")[0]
    assert (failures, lost) == (0, 0)
    if world.front == "knative":
        assert page(world) == "succeeded"
        return
    assert page(world) == "queued"
    with world.serve("ocr") as target:
        target.post("/", json={})
    assert world.at(world.target("query")).get(f"/v1/documents/{document}").json()["status"] == "succeeded"


def page(world: World) -> str | None:
    """The state of the only page's work."""
    rows = world.sql("SELECT state FROM work WHERE page = 1")
    return rows[0][0] if rows else None


def dense_page() -> bytes:
    """So much text that recognising it takes seconds."""
    picture = Image.new("L", (2480, 3508), 255)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(30)
    for row in range(18):
        draw.text((100, 100 + 180 * row), "The quick brown fox jumps over the lazy dog, again and again and again, for ever.", 0, font)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def _later(call: Callable[[], requests.Response]) -> Callable[[], requests.Response]:
    pool = ThreadPoolExecutor(1)
    answer = pool.submit(call)
    pool.shutdown(wait=False)
    return answer.result
