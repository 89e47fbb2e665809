"""Reading what was recognised: content, its forms, search and waiting."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

import pytest
from docusnap.adapters.postgres.ledger import PostgresLedger
from docusnap.api.query import create_app
from docusnap.bootstrap import Parts
from docusnap.hosts.http import api_host
from docusnap.hosts.stop import Deadline
from docusnap.query import Queries

from tests.support import recognised
from tests.support.api import Tenant
from tests.support.wsgi import ask


@pytest.fixture
def queued(alice: Tenant, bucket: str) -> str:
    """The id of a document that waits for its split."""
    document = alice.send()
    alice.notify(f"uploads/alice-{document}", bucket=bucket)
    return document


@pytest.fixture
def content(alice: Tenant, queued: str) -> Callable[..., object]:
    """Ask for the content: the status and the code, or the body where it went well."""

    def read(query: str = "", **headers: str) -> object:
        answer = alice.get(f"/v1/documents/{queued}/content{query}", headers=headers)
        return answer if answer.ok else (answer.status_code, answer.json()["code"])

    return read


Content = Callable[..., object]


def test_the_recognised_document_is_what_the_contract_says(alice: Tenant, queued: str, ledger: PostgresLedger) -> None:
    recognised.recognise(ledger, [["Invoice 7", "二〇二六"], []])
    answer = alice.get(f"/v1/documents/{queued}/content")
    polygon = [[1.0, 2.0], [30.5, 2.0], [30.5, 12.0], [1.0, 12.0]]
    words = [{"text": text, "confidence": 0.97, "polygon": polygon} for text in ("Invoice 7", "二〇二六")]
    size = {"width": 640, "height": 480, "dpi": None, "rotation": 90}
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {
        "document_id": queued,
        "revision": 1,
        "engine": {"name": "onnx", "version": "1", "models": [{"name": "det.onnx", "sha256": "0" * 64}]},
        "pages": [
            {
                "number": 1,
                "status": "succeeded",
                "source": "ocr",
                **size,
                "text": "Invoice 7\n二〇二六",
                "empty": False,
                "blocks": [{"kind": "paragraph", "lines": [0, 1]}],
                "lines": [{**word, "confidence": 0.98, "words": [word]} for word in words],
            },
            {"number": 2, "status": "succeeded", "source": "ocr", **size, "text": "", "empty": True, "lines": []},
        ],
    }


def test_text_is_utf8_with_a_form_feed_between_pages(alice: Tenant, queued: str, ledger: PostgresLedger) -> None:
    recognised.recognise(ledger, [["一", "two"], [], ["three"]])
    answer = alice.get(f"/v1/documents/{queued}/content?format=text")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.content.decode() == "一\ntwo\f\fthree"
    assert alice.get(f"/v1/documents/{queued}/content?format=text&page=3").text == "three"


def test_one_page_may_be_asked_for(alice: Tenant, queued: str, ledger: PostgresLedger) -> None:
    recognised.recognise(ledger, [["one"], ["two"]])
    (page,) = alice.get(f"/v1/documents/{queued}/content?page=2").json()["pages"]
    assert (page["number"], page["text"]) == (2, "two")


def test_a_page_that_failed_says_why_and_keeps_its_place(alice: Tenant, queued: str, ledger: PostgresLedger) -> None:
    recognised.split(ledger, 2)
    recognised.fail(ledger)
    recognised.finish(ledger, "two")
    shown = alice.get(f"/v1/documents/{queued}").json()
    assert (shown["status"], shown["pages"]) == ("partial", {"total": 2, "done": 1, "failed": 1})
    failed, done = alice.get(f"/v1/documents/{queued}/content").json()["pages"]
    assert (failed["status"], failed["error"]["code"], failed["lines"], failed["empty"]) == ("failed", "engine_failed", [], False)
    assert done["text"] == "two"
    assert alice.get(f"/v1/documents/{queued}/content?format=text").text == "\ftwo"


def test_before_the_end_only_a_finished_page_may_be_read(queued: str, ledger: PostgresLedger, content: Content) -> None:
    assert content("?page=1") == (409, "not_ready")
    recognised.split(ledger, 3)
    first = recognised.finish(ledger, "here")
    waiting = next(number for number in (1, 2, 3) if number != first)
    assert content() == (409, "not_ready")
    assert content(f"?page={waiting}") == (409, "not_ready")
    assert content("?page=4") == (404, "page_not_found")
    assert getattr(content(f"?page={first}&format=text"), "text", None) == "here"


def test_not_ready_says_when_to_ask_again(alice: Tenant, queued: str) -> None:
    assert alice.get(f"/v1/documents/{queued}/content").headers["Retry-After"] == "1"


def test_of_a_cancelled_document_the_pages_there_are_may_be_read(alice: Tenant, queued: str, ledger: PostgresLedger) -> None:
    recognised.split(ledger, 2)
    first = recognised.finish(ledger, "here")
    alice.post(f"/v1/documents/{queued}/cancel")
    pages = {page["number"]: page for page in alice.get(f"/v1/documents/{queued}/content").json()["pages"]}
    assert pages[first]["text"] == "here"
    assert {page["status"] for number, page in pages.items() if number != first} == {"cancelled"}


def test_a_document_cancelled_before_its_pages_were_counted_has_none(alice: Tenant, queued: str) -> None:
    alice.post(f"/v1/documents/{queued}/cancel")
    shown = alice.get(f"/v1/documents/{queued}/content").json()
    assert (shown["pages"], shown["engine"]) == ([], {"name": "none", "version": "", "models": []})


@pytest.mark.parametrize("query", ["", "?page=1", "?format=text"])
@pytest.mark.parametrize("rejected", [True, False], ids=["rejected", "failed"])
def test_a_document_that_came_to_nothing_has_no_content(query: str, rejected: bool, ledger: PostgresLedger, content: Content) -> None:
    recognised.fail(ledger, "corrupt_pdf", rejected=rejected)
    assert content(query) == (409, "no_content")


@pytest.mark.parametrize("page", ["0", "-1", "3", "999999999999"])
def test_pages_outside_the_document_are_not_found(page: str, ledger: PostgresLedger, content: Content) -> None:
    recognised.recognise(ledger, [["one"], ["two"]])
    assert content(f"?page={page}") == (404, "page_not_found")


@pytest.mark.parametrize("page", ["", "x", "1.0", "+1", "１", "1e1", "0x1", "NaN"])
def test_a_page_that_is_no_whole_number_is_refused(page: str, ledger: PostgresLedger, content: Content) -> None:
    recognised.recognise(ledger, [["one"]])
    assert content("?page=" + page.replace("+", "%2B")) == (400, "invalid_query")


@pytest.mark.parametrize("form", ["markdown", "hocr", "alto", "pdf"])
def test_a_format_that_is_not_built_is_not_available(form: str, content: Content) -> None:
    assert content(f"?format={form}") == (406, "format_not_available")


@pytest.mark.parametrize("form", ["", "docx", "JSON"])
def test_an_unknown_format_is_refused(form: str, content: Content) -> None:
    assert content(f"?format={form}") == (400, "unknown_format")


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("text/plain", "text/plain"),
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
    ],
)
def test_the_accept_header_chooses_the_form(accept: str, form: str, ledger: PostgresLedger, content: Content) -> None:
    recognised.recognise(ledger, [["one"]])
    answer = content(Accept=accept)
    assert getattr(answer, "headers", {})["Content-Type"].startswith(form)


def test_format_wins_over_accept(ledger: PostgresLedger, content: Content) -> None:
    recognised.recognise(ledger, [["one"]])
    assert getattr(content("?format=text", Accept="application/json"), "text", None) == "one"
    assert content(Accept="application/pdf") == (406, "format_not_available")


def test_a_host_that_cannot_send_so_much_says_how_to_read_it(
    environ: dict[str, str], alice: Tenant, queued: str, ledger: PostgresLedger
) -> None:
    recognised.recognise(ledger, [["one" * 100], ["two"]])
    host = api_host(create_app(lambda: parts, max_response_bytes=700))
    parts = Parts(environ)
    whole = ask(host, "GET", f"/v1/documents/{queued}/content", authorization=f"Bearer {alice.key}")
    page = ask(host, "GET", f"/v1/documents/{queued}/content?page=2", authorization=f"Bearer {alice.key}")
    parts.ledger.dispose()
    assert (whole.status, page.status) == (413, 200)
    assert b'"content_too_large"' in whole.body
    assert b"page=" in whole.body


def test_what_counts_is_what_lambda_sends_in_which_a_chinese_character_takes_six_bytes(
    environ: dict[str, str], alice: Tenant, queued: str, ledger: PostgresLedger
) -> None:
    recognised.recognise(ledger, [["发票" * 100]])
    answers = []
    for limit in (1202, 1201):  # 200 characters, between quotes
        parts = Parts(environ)
        host = api_host(create_app(lambda parts=parts: parts, max_response_bytes=limit))
        answers.append(ask(host, "GET", f"/v1/documents/{queued}/content?format=text", authorization=f"Bearer {alice.key}").status)
        parts.ledger.dispose()
    assert answers == [200, 413]


def test_search_finds_the_page_and_its_lines(alice: Tenant, queued: str, ledger: PostgresLedger) -> None:
    recognised.recognise(ledger, [["nothing"], ["an invoice", "of 发票 seven"]])
    (hit,) = alice.get("/v1/search", params={"q": "发票"}).json()["items"]
    assert (hit["document_id"], hit["page"], [match["line"] for match in hit["matches"]]) == (queued, 2, [1])
    assert hit["matches"][0]["polygon"][2] == [30.5, 12.0]
    assert "发票" in hit["snippet"]
    assert alice.get("/v1/search", params={"q": "absent"}).json() == {"items": [], "next_cursor": None}


@pytest.mark.parametrize("query", ["", "?q=", "?q=%20", "?q=%00"])
def test_an_empty_search_is_refused(alice: Tenant, query: str) -> None:
    answer = alice.get(f"/v1/search{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "empty_query")


def test_wait_holds_the_answer_until_the_document_is_done(alice: Tenant, queued: str, ledger: PostgresLedger) -> None:
    def work() -> None:
        time.sleep(0.3)
        recognised.recognise(ledger, [["one"]])

    worker = threading.Thread(target=work)
    worker.start()
    shown = alice.get(f"/v1/documents/{queued}?wait=25").json()
    worker.join()
    assert shown["status"] == "succeeded"


def test_wait_ends_with_its_time(alice: Tenant, queued: str) -> None:
    assert alice.get(f"/v1/documents/{queued}?wait=0.2").json()["status"] == "queued"


def test_wait_waits_for_the_running_revision(alice: Tenant, queued: str, ledger: PostgresLedger) -> None:
    recognised.recognise(ledger, [["one"]])
    alice.post(f"/v1/documents/{queued}/reprocess")
    worker = threading.Thread(target=lambda: (time.sleep(0.3), recognised.recognise(ledger, [["two"]])))
    worker.start()
    shown = alice.get(f"/v1/documents/{queued}?wait=25").json()
    worker.join()
    assert shown["revision"] == 2


class TellingClock:
    """A clock with all the time in the world, which tells that somebody waits by it."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    def remaining(self) -> float:
        self.asked.set()
        return math.inf

    def stopping(self) -> bool:
        return False


@pytest.fixture
def queries(environ: dict[str, str], ledger: PostgresLedger) -> Queries:
    """The stage itself, with room for one reader who waits."""
    parts = Parts(environ)
    return Queries(ledger=ledger, store=lambda: parts.store, settings=parts.settings, waits=1)


def test_a_process_that_holds_enough_readers_answers_at_once(queries: Queries, queued: str, ledger: PostgresLedger) -> None:
    clock, got, document = TellingClock(), [], ledger.document("alice", queued)
    held = threading.Thread(target=lambda: got.append(queries.settled(document, 25, clock)))
    held.start()
    assert clock.asked.wait(10)
    at_once = queries.settled(document, 1e6, TellingClock())
    assert held.is_alive()
    recognised.recognise(ledger, [["one"]])
    held.join()
    assert (at_once.served.status, got[0].served.status) == ("queued", "succeeded")


def test_a_reader_whose_process_stops_is_let_go(queries: Queries, queued: str, ledger: PostgresLedger) -> None:
    told_to_stop = threading.Event()
    told_to_stop.set()
    shown = queries.settled(ledger.document("alice", queued), 1e6, Deadline(1e6, "id", told_to_stop))
    assert shown.served.status == "queued"
