"""The one story, told in every home: upload → event → OCR → query → search → original → delete, and what goes wrong on the way.

DOCUSNAP_TEST_HOME=embedded (as it is, without the variable) | containers | lambda. Its chapters share one home; each can be run alone.
"""

from __future__ import annotations

import hashlib
import time
import unicodedata
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path
from urllib.parse import unquote

import pytest
import requests
from PIL import Image

from tests.acceptance.client import Client, Json, upload
from tests.acceptance.homes import opened
from tests.acceptance.homes.base import ROOT, Home
from tests.support.pages import Pdf, letter, picture_at
from tests.support.waiting import eventually

PAGES = ROOT / "tests/data/pages"
CHINESE = (PAGES / "chinese.png").read_bytes()
CHINESE_TEXT = (PAGES / "chinese.txt").read_text("utf-8")
SAMPLE = ROOT / "layers/docusnap/sample"
PAGE, PAGE_TEXT = (SAMPLE / "page.png").read_bytes(), (SAMPLE / "page.txt").read_text("utf-8").rstrip("\n")
A4 = (0, 0, 595, 842)
DOWN_SECONDS = 10.0


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    with opened() as found:
        yield found


@pytest.fixture(scope="module")
def reader(home: Home) -> Client:
    return Client(home.api, home.key, home.patience)


@pytest.fixture(scope="module")
def stranger(home: Home) -> Client:
    return Client(home.api, home.other_key, home.patience)


@pytest.fixture(scope="module")
def chinese(reader: Client) -> Json:
    """The Chinese page, sent by PUT to its presigned URL, once it is settled."""
    document = reader.send("书店.png", CHINESE, method="PUT", sha256=hashlib.sha256(CHINESE).hexdigest())
    return reader.settled(document)


def key_of(document: Json, tenant: str = "default") -> str:
    return f"uploads/{tenant}-{document['id']}"


def likeness(found: str, truth: str) -> float:
    """1 for the same characters in the same order, white space and widths aside."""
    found, truth = ("".join(unicodedata.normalize("NFKC", text).split()) for text in (found, truth))
    return SequenceMatcher(None, found, truth, autojunk=False).ratio()


def scanned(name: str) -> Image.Image:
    return Image.open(PAGES / f"{name}.png").convert("RGB")


def pdf_of_three_pages() -> bytes:
    """Running text, a scan of the Chinese page, and a scan of a form."""
    pdf = Pdf().page(letter())
    for name in ("chinese", "form"):
        pdf.page(picture_at("I", 0, 0, 595, 842), box=A4, things=f"/I {pdf.image(scanned(name))} 0 R")
    return pdf.written()


def test_a_chinese_page_that_was_put_is_read(reader: Client, chinese: Json) -> None:
    assert (chinese["status"], chinese["revision"], chinese["pages"]) == ("succeeded", 1, {"total": 1, "done": 1, "failed": 0})
    assert likeness(reader.text(chinese["id"]), CHINESE_TEXT) >= 0.98
    content = reader.get(f"/documents/{chinese['id']}/content")
    assert (content["document_id"], content["revision"], content["pages"][0]["source"]) == (chinese["id"], 1, "ocr")


@pytest.mark.parametrize(
    ("query", "found"),
    [("银杏树", "银杏树"), ("\u9280\u674f\u6a39", "银杏树"), ('"两百多年的银杏树"', "银杏树"), ("年轻时在省城", "年轻时在省城")],
    ids=["word", "traditional", "phrase", "across a line's end"],
)
def test_it_is_found_by_its_words(reader: Client, chinese: Json, query: str, found: str) -> None:
    (hit,) = (hit for hit in reader.hits(query) if hit["document_id"] == chinese["id"])

    lines = reader.get(f"/documents/{chinese['id']}/content")["pages"][0]["lines"]
    assert found in "".join(lines[match["line"]]["text"] for match in hit["matches"])


def test_its_original_comes_back_byte_by_byte_under_its_name(reader: Client, chinese: Json) -> None:
    answer = reader.original(chinese["id"])

    assert answer.content == CHINESE
    assert "书店.png" in unquote(answer.headers["Content-Disposition"])


def test_a_pdf_of_several_pages_sent_by_a_form_is_read_page_by_page(reader: Client) -> None:
    document = reader.settled(reader.send("three.pdf", pdf_of_three_pages(), method="POST"))

    assert (document["status"], document["pages"]) == ("succeeded", {"total": 3, "done": 3, "failed": 0})
    pages = reader.get(f"/documents/{document['id']}/content")["pages"]
    assert [(page["number"], page["source"]) for page in pages] == [(1, "text"), (2, "ocr"), (3, "ocr")]
    text = reader.text(document["id"]).split("\f")
    assert "Pack my box with five dozen liquor jugs." in text[0]
    assert likeness(text[1], CHINESE_TEXT) >= 0.98
    assert reader.text(document["id"], page=3) == text[2]
    assert [hit["page"] for hit in reader.hits("Okonkwo") if hit["document_id"] == document["id"]] == [3]


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("letter.png", b"Dear Sir or Madam, this is no picture.\n" * 20, "unsupported_type"),
        ("cut.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01", "corrupt_image"),
        ("broken.pdf", b"%PDF-1.7\nnothing of a PDF follows\n", "corrupt_pdf"),
    ],
)
def test_what_can_never_be_read_is_rejected_with_its_code(reader: Client, name: str, body: bytes, code: str) -> None:
    document = reader.settled(reader.send(name, body))

    assert (document["status"], document["error"]["code"]) == ("rejected", code)
    assert reader.status_of(f"/documents/{document['id']}/content") == (409, "no_content")


def test_an_event_that_comes_twice_changes_nothing(home: Home, reader: Client, chinese: Json) -> None:
    home.repeat_event(key_of(chinese))

    assert reader.settled(chinese["id"]) == chinese
    assert [item["id"] for item in reader.named("书店.png")] == [chinese["id"]]
    assert [hit["document_id"] for hit in reader.hits("银杏树")].count(chinese["id"]) == 1


def test_a_second_put_to_the_same_url_changes_no_text(home: Home, reader: Client) -> None:
    created = reader.register("once.png", len(PAGE), method="PUT")
    assert upload(created["upload"], PAGE).status_code == 200
    document = reader.settled(created["id"])
    text = reader.text(created["id"])
    assert text == PAGE_TEXT

    again = upload(created["upload"], bytes(len(PAGE)))  # as long as the first, since its length is signed

    assert again.status_code == (412 if home.write_once else 200)
    home.repeat_event(key_of(created))  # returns when intake has seen whatever is there now
    assert reader.settled(created["id"]) == document
    assert reader.text(created["id"]) == text


def test_an_object_of_a_foreign_client_becomes_a_document_of_the_first_tenant(home: Home, reader: Client, stranger: Client) -> None:
    home.put_foreign("incoming/scanner/Harbour Street+1 é.png", PAGE)

    (item,) = eventually(lambda: reader.named("Harbour Street+1 é.png"), "the foreign object is a document", home.patience)
    document = reader.settled(item["id"])
    assert (document["status"], document["source"]["key"]) == ("succeeded", "incoming/scanner/Harbour Street+1 é.png")
    assert reader.text(item["id"]) == PAGE_TEXT
    assert stranger.named("Harbour Street+1 é.png") == []


def test_what_one_tenant_owns_does_not_exist_for_another(reader: Client, stranger: Client, chinese: Json) -> None:
    theirs = stranger.settled(stranger.send("theirs.png", PAGE))
    assert stranger.text(theirs["id"]) == PAGE_TEXT

    for one, document in ((reader, theirs), (stranger, chinese)):
        for path in ("", "/content", "/original"):
            assert one.status_of(f"/documents/{document['id']}{path}") == (404, "document_not_found")
        for path, method in (("", "DELETE"), ("/cancel", "POST"), ("/reprocess", "POST")):
            assert one.status_of(f"/documents/{document['id']}{path}", method) == (404, "document_not_found")
        assert document["id"] not in {item["id"] for item in one.get("/documents", limit=100)["items"]}
    assert theirs["id"] not in {hit["document_id"] for hit in reader.hits("Harbour")}
    assert [hit["document_id"] for hit in stranger.hits("Harbour")] == [theirs["id"]]
    assert stranger.hits("银杏树") == []


def test_a_store_that_is_down_for_ten_seconds_costs_time_and_nothing_else(home: Home, reader: Client, tmp_path: Path) -> None:
    early = reader.settled(reader.send("early.png", PAGE))
    sent = reader.send("sent.png", PAGE)  # its event, or the fetch of its page, meets a store that is down
    home.stop_store()
    try:
        began = time.monotonic()
        assert reader.ask("POST", f"/documents/{early['id']}/reprocess").status_code == 202  # due now, whatever became of the event
        late = reader.register("late.png", len(PAGE), method="PUT")
        with pytest.raises(requests.RequestException):
            upload(late["upload"], PAGE, timeout=2)
        while (left := DOWN_SECONDS - (time.monotonic() - began)) > 0:
            meanwhile = reader.get(f"/documents/{early['id']}", wait=min(5, int(left) + 1))
            assert (meanwhile["status"], meanwhile["next_revision"]["status"] in {"queued", "processing"}) == ("succeeded", True)
            assert reader.text(early["id"]) == PAGE_TEXT, "the text that was there is served"
    finally:
        home.start_store()

    assert upload(late["upload"], PAGE).status_code == 200
    ended = [reader.settled(document) for document in (early["id"], sent, late["id"])]
    assert [(document["status"], document["revision"]) for document in ended] == [("succeeded", 2), ("succeeded", 1), ("succeeded", 1)]
    assert [reader.text(document["id"]) for document in ended] == [PAGE_TEXT] * 3
    assert [len(reader.named(name)) for name in ("early.png", "sent.png", "late.png")] == [1, 1, 1]


def test_what_is_deleted_is_gone_at_once_and_its_object_soon(home: Home, reader: Client, chinese: Json) -> None:
    assert home.has_object(key_of(chinese))

    assert reader.ask("DELETE", f"/documents/{chinese['id']}").status_code == 204

    for path in ("", "/content", "/original"):
        assert reader.status_of(f"/documents/{chinese['id']}{path}") == (404, "document_not_found")
    assert reader.status_of(f"/documents/{chinese['id']}", "DELETE") == (404, "document_not_found")
    assert chinese["id"] not in {hit["document_id"] for hit in reader.hits("银杏树")}
    assert reader.named("书店.png") == []
    eventually(lambda: not home.has_object(key_of(chinese)), "the object is removed", home.patience)
