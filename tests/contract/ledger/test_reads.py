"""What the query function reads."""

from __future__ import annotations

import base64
import json

import pytest
from docusnap.errors import DocumentNotFound, InvalidCursor, PageNotFound
from docusnap.model import Block, DocumentView, Line, OcrMode, RecognisedPage, Scope, Status, Word, WorkState

from tests.contract.ledger.world import CRASH, ENGINE, SQUARE, World


def ids(documents: list[DocumentView]) -> list[str]:
    return [document.id for document in documents]


def walk(world: World, limit: int, status: Status | None = None) -> list[list[str]]:
    """Every page of the list, by its cursors."""
    pages: list[list[str]] = []
    cursor = None
    while True:
        listing = world.ledger.documents("acme", status, limit, cursor)
        pages.append([document.id for document in listing.items])
        cursor = listing.cursor
        if cursor is None:
            return pages


@pytest.mark.parametrize("document_id", ["f" * 32, "", "a\0", "\ud800", "x" * 10_000])
def test_an_unknown_id_is_not_found(world: World, document_id: str) -> None:
    with pytest.raises(DocumentNotFound):
        world.ledger.document("acme", document_id)
    with pytest.raises(DocumentNotFound):
        world.ledger.content("acme", document_id, None)


def test_another_tenants_document_is_not_found(world: World) -> None:
    document = world.recognised(world.upload("acme"), "text")
    with pytest.raises(DocumentNotFound):
        world.ledger.document("zenith", document.id)
    with pytest.raises(DocumentNotFound):
        world.ledger.content("zenith", document.id, None)
    assert world.ledger.documents("zenith", None, 10, None).items == []


def test_the_list_is_newest_first_and_the_same_as_each_document_alone(world: World) -> None:
    documents = [world.register() for _ in range(3)]
    listed = world.ledger.documents("acme", None, 10, None)
    assert (listed.items, listed.cursor) == (documents[::-1], None)


def test_pages_of_the_list_follow_each_other_without_gap_or_repetition(world: World) -> None:
    documents = [world.register() for _ in range(5)]
    expected = ids(documents[::-1])
    assert walk(world, 2) == [expected[:2], expected[2:4], expected[4:]]
    assert walk(world, 5) == [expected]


def test_documents_of_one_moment_are_listed_once_each(world: World) -> None:
    documents = [world.register() for _ in range(5)]
    world.sql("UPDATE document SET created_at = now()")
    world.sql("UPDATE revision SET created_at = d.created_at FROM document d")
    assert sorted(document for page in walk(world, 2) for document in page) == sorted(ids(documents))


def test_what_is_inserted_meanwhile_changes_nothing_of_the_pages_that_follow(world: World) -> None:
    documents = [world.register() for _ in range(4)]
    first = world.ledger.documents("acme", None, 2, None)
    world.register()
    second = world.ledger.documents("acme", None, 2, first.cursor)
    assert ids([*first.items, *second.items]) == ids(documents[::-1])


def test_the_list_can_be_narrowed_to_a_status(world: World) -> None:
    waiting = [world.register() for _ in range(3)]
    queued = world.upload()
    assert walk(world, 2, Status.AWAITING_UPLOAD) == [ids(waiting[:0:-1]), ids(waiting[:1])]
    assert walk(world, 2, Status.QUEUED) == [[queued.id]]
    assert walk(world, 2, Status.FAILED) == [[]]


def token(*values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "é",
        "AAAA",
        token(),
        token("2026-01-01T00:00:00+00:00"),
        token("2026-01-01T00:00:00+00:00", "f" * 32),
        token("2026-01-01T00:00:00", "f" * 32, 0),
        token("2026-01-01T00:00:00+00:00", "a\0", 0),
        token("2026-01-01T00:00:00+00:00", 1, 0),
        token("2026-01-01T00:00:00+00:00", "f" * 32, -1),
        token("yesterday", "f" * 32, 0),
        token(1, "f" * 32, 0),
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
    ],
)
def test_a_cursor_that_was_not_issued_is_refused(world: World, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        world.ledger.documents("acme", None, 10, cursor)


def test_content_is_what_was_recognised(world: World) -> None:
    word = Word("合同", 0.75, SQUARE)
    lines = (Line("合同 42", 0.5, SQUARE, (word,)), Line("from the file", None, SQUARE))
    page = RecognisedPage(1, "ocr", 1200, 800, None, 270, lines, (Block("heading", 0, 0), Block("paragraph", 1, 1)))
    document = world.upload()
    world.split(1)
    assert world.ledger.finish(world.claim(), page)
    found, content = world.ledger.content("acme", document.id, None)
    assert found == world.see(document)
    assert (content.document_id, content.revision, content.engine) == (document.id, 1, ENGINE)
    assert [(view.number, view.status, view.error, view.result) for view in content.pages] == [(1, WorkState.SUCCEEDED, None, page)]


def test_content_shows_unfinished_and_failed_pages_in_order(world: World) -> None:
    document = world.upload()
    world.split(4)
    world.fail(CRASH)
    world.finish("two")
    world.claim()
    pages = world.ledger.content("acme", document.id, None)[1].pages
    assert [(page.number, page.status.value) for page in pages] == [(1, "failed"), (2, "succeeded"), (3, "processing"), (4, "queued")]
    assert [page.result is None for page in pages] == [True, False, True, True]


def test_one_page_can_be_read_alone(world: World) -> None:
    document = world.recognised(world.upload(), "one", "two", "three")
    pages = world.ledger.content("acme", document.id, 2)[1].pages
    assert [page.result and page.result.text for page in pages] == ["two"]


@pytest.mark.parametrize("page", [0, -1, 3, 2**31, 2**63])
def test_a_page_outside_is_not_found(world: World, page: int) -> None:
    document = world.recognised(world.upload(), "one", "two")
    with pytest.raises(PageNotFound):
        world.ledger.content("acme", document.id, page)


def test_before_the_pages_are_counted_none_is_missing(world: World) -> None:
    document = world.upload()
    assert len(world.ledger.content("acme", document.id, 7)[1].pages) == 0
    for never in (0, 2**31, 2**63):
        with pytest.raises(PageNotFound):
            world.ledger.content("acme", document.id, never)


def test_a_document_that_ended_before_its_pages_were_counted_has_none(world: World) -> None:
    document = world.upload()
    world.ledger.cancel("acme", document.id)
    with pytest.raises(PageNotFound):
        world.ledger.content("acme", document.id, 1)
    assert len(world.ledger.content("acme", document.id, None)[1].pages) == 0


# --- a document read together with the key


def test_a_key_and_its_document_are_read_as_each_alone(world: World) -> None:
    secret = world.ledger.create_key("acme", [Scope.USER])
    document = world.recognised(world.upload("acme"), "text")
    world.ledger.reprocess("acme", document.id, OcrMode.AUTO)  # two rows: the served revision and the newest
    caller = world.ledger.authenticate(secret)
    assert world.ledger.document_of_key(secret, document.id) == (caller, world.see(document))
    assert caller is not None


@pytest.mark.parametrize("document_id", ["f" * 32, "", "a\0", "\ud800"])
def test_a_key_without_the_document_still_tells_who_asks(world: World, document_id: str) -> None:
    secret = world.ledger.create_key("acme", [Scope.USER])
    assert world.ledger.document_of_key(secret, document_id) == (world.ledger.authenticate(secret), None)


def test_a_key_finds_neither_another_tenants_document_nor_a_deleted_one(world: World) -> None:
    secret = world.ledger.create_key("acme", [Scope.USER])
    others, deleted = world.upload("zenith"), world.upload("acme")
    world.ledger.delete("acme", deleted.id)
    assert [world.ledger.document_of_key(secret, one.id)[1] for one in (others, deleted)] == [None, None]


def test_a_revoked_key_finds_nothing_from_that_moment_on(world: World) -> None:
    secret = world.ledger.create_key("acme", [Scope.USER])
    document = world.upload("acme")
    caller, found = world.ledger.document_of_key(secret, document.id)
    assert caller is not None
    assert found == document
    world.ledger.revoke_key(caller.key_id)
    assert world.ledger.document_of_key(secret, document.id) == (None, None)
    assert world.ledger.document_of_key("ds_unknown", document.id) == (None, None)
