"""Lambda's limits: the time of a call, the size of an answer; and the schedule, which finds what no event brought."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from docusnap.model import ObjectVersion

from tests.acceptance.client import Client
from tests.support import recognised
from tests.support.aws.cloud import BUCKET, Cloud, ocr_image
from tests.support.aws.function import running_function
from tests.support.aws.messages import failures, sqs_event, wakes
from tests.support.pages import Pdf, text_at
from tests.support.stores.store import ROOT
from tests.support.waiting import eventually
from tests.system_tests.aws.test_envelopes import notifying

PAGE = (ROOT / "layers/docusnap/sample/page.png").read_bytes()
PATIENCE = 90.0
PAGES, FANOUT = 300, 4


def s3_event(key: str) -> dict[str, object]:
    found = {"bucket": {"name": BUCKET}, "object": {"key": quote_plus(key, safe="/"), "size": len(PAGE)}}
    return {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": found}]}


def test_with_less_than_65_seconds_left_nothing_is_begun(cloud: Cloud, reader: Client, folder: Path) -> None:
    key = "incoming/late.png"
    with notifying(cloud):
        cloud.store.client().put_object(Bucket=BUCKET, Key=key, Body=PAGE)
    environ = cloud.ocr.image.environ
    (folder / "short").mkdir()
    with running_function(ocr_image(environ, timeout=64), folder / "short") as short:
        call = short.invoke(sqs_event(s3_event(key)))
        assert "time-out is too short" in short.log
    assert (call.error, call.answer) == (False, {"handled": 0, "batchItemFailures": []})
    (item,) = reader.named("late.png")
    assert item["status"] == "queued"
    cloud.sweep()
    assert reader.settled(item["id"])["status"] == "succeeded"


def test_300_pages_take_several_calls_and_no_dead_letter(cloud: Cloud, reader: Client, capsys: pytest.CaptureFixture[str]) -> None:
    pdf = Pdf()
    for number in range(1, PAGES + 1):
        pdf.page(text_at(10, 20, f"page {number}"), box=(0, 0, 120, 50))
    began = time.monotonic()
    document = reader.settled(reader.send("long.pdf", pdf.written()))
    assert (document["status"], document["pages"]) == ("succeeded", {"total": PAGES, "done": PAGES, "failed": 0})
    assert reader.text(document["id"]).split("\f") == [f"page {number}" for number in range(1, PAGES + 1)]
    working = [call for call in cloud.ocr.calls if call.answer["handled"]]
    with capsys.disabled():
        print(
            f"\n{PAGES} pages: {time.monotonic() - began:.1f} s, {len(working)} calls, {max(c.seconds for c in working):.1f} s the longest"
        )
    assert len(working) > 1 + FANOUT, "those that the split woke were not enough: they passed it on"
    eventually(lambda: cloud.depth(cloud.queue) == 0, "the queue is empty", PATIENCE)
    assert failures(cloud.ocr) == []
    assert cloud.depth(cloud.dead) == 0


def test_the_schedule_finds_what_no_event_brought(cloud: Cloud, reader: Client) -> None:
    with notifying(cloud):
        cloud.store.client().put_object(Bucket=BUCKET, Key="incoming/lost.png", Body=PAGE)
    time.sleep(1)
    assert reader.named("lost.png") == []
    call = cloud.sweep()
    assert (call.error, call.answer["foreign"] >= 1) == (False, True)
    (item,) = reader.named("lost.png")
    assert reader.settled(item["id"])["status"] == "succeeded"
    eventually(lambda: wakes(cloud.ocr), "the wake of sweep came by the queue", PATIENCE)


def test_an_answer_that_lambda_cannot_send_is_a_problem_that_names_the_pages(cloud: Cloud, reader: Client) -> None:
    document = reader.register("large.png", len(PAGE))["id"]
    lines = ["银杏树两百多年" * 56] * 40  # 47 kB of UTF-8 a page, three times in its JSON; Lambda's runtime makes two bytes of each
    cloud.ledger.arrive(ObjectVersion(BUCKET, f"uploads/default-{document}", "etag", len(PAGE)))
    recognised.recognise(cloud.ledger, [lines] * 36)

    path = f"/documents/{document}/content"
    assert reader.status_of(path) == (413, "content_too_large")
    assert "page=" in reader.ask("GET", path).json()["detail"]
    assert reader.get(path, page=36)["pages"][0]["text"] == "\n".join(lines)
    text = reader.text(document).encode()
    assert 3 * len(text) < 6_000_000 < 2 * 3 * len(text), "as UTF-8 the JSON would have passed for small enough"
    assert not [call for call in cloud.functions["query"].calls if call.error]
