"""`docusnap dead` on a database, with no server beside it but the `ocr` that it wakes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from docusnap.adapters.postgres.ledger import PostgresLedger
from docusnap.cli import main
from docusnap.model import DocumentView, Scope, Status

from tests.contract.ledger.world import BAD_PAGE, World
from tests.integration.test_waker import Sleeper, _serving

NOBODY = "0" * 32
SECRET = "a word that nobody but its owner may read"


@pytest.fixture
def world(ledger: PostgresLedger, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    for name in ("OCR_URL", "OCR_QUEUE_URL", "MAX_QUEUED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("DOCUSNAP_HOME", str(tmp_path))
    for tenant in ("acme", "zenith"):
        ledger.create_key(tenant, [Scope.USER])
    return World(ledger, database_url)


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*words: str) -> tuple[int, str, str]:
        capfd.readouterr()
        status = main(["dead", *words])
        streams = capfd.readouterr()
        return status, streams.out, streams.err

    return run


Run = Callable[..., tuple[int, str, str]]


def partial(world: World, tenant: str = "acme") -> DocumentView:
    document = world.upload(tenant, filename="invoice.pdf")
    world.split(3)
    world.finish(SECRET)
    world.fail(BAD_PAGE, rejected=True)
    world.fail()
    return document


def test_a_name_from_the_bucket_forges_no_row_and_steers_no_terminal(world: World, run: Run) -> None:
    document = world.failed(world.adopt("incoming/a\x1b]0;title\x07\nb.png"))
    for words in (("list",), ("show", document.id)):
        _, out, _ = run(*words)
        assert "a\ufffd]0;title\ufffd\ufffdb.png" in out
        assert "\x1b" not in out


def test_list_is_a_row_a_letter_newest_failure_first(world: World, run: Run) -> None:
    first, second = partial(world), world.failed(world.upload("zenith"))
    status, out, _ = run("list")
    rows = [line.split() for line in out.splitlines()]
    assert (status, [row[0] for row in rows]) == (0, [second.id, first.id])
    assert [word for word in rows[1] if ":" not in word] == [
        first.id, "acme", "partial", "1/3", "-2", "engine_crashed", "page", "3", "invoice.pdf",
    ]  # fmt: skip
    assert "file" in rows[0]
    assert SECRET not in out


def test_list_is_filtered_limited_and_one_object_a_line(world: World, run: Run) -> None:
    letters = [world.failed(world.upload(tenant)).id for tenant in ("acme", "zenith", "acme")]
    told = {
        words: [json.loads(line)["id"] for line in run("list", "--json", *words)[1].splitlines()]
        for words in (("--tenant", "acme"), ("--code", "store_denied"), ("--limit", "2"), ("--limit", "3"), ("--all",))
    }
    assert list(told.values()) == [[letters[2], letters[0]], [], letters[:0:-1], letters[::-1], letters[::-1]]


def test_list_goes_on_beyond_a_page_of_the_ledger(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("docusnap.cli.dead.PAGE", 2)
    letters = [world.failed(world.upload()).id for _ in range(5)]
    assert [line[:32] for line in run("list", "--all")[1].splitlines()] == letters[::-1]
    assert [line[:32] for line in run("list", "--limit", "3")[1].splitlines()] == letters[:1:-1]


def test_show_names_every_page_that_failed(world: World, run: Run) -> None:
    document = partial(world)
    status, out, _ = run("show", document.id)
    assert (status, SECRET in out) == (0, False)
    assert "page      2: corrupt_image: The image is damaged. (never to be tried again)\n" in out
    assert "page      3: engine_crashed: The recogniser crashed on this page. (1 failures, 0 lost workers)\n" in out
    assert [page["number"] for page in json.loads(run("show", document.id, "--json")[1])["failed_pages"]] == [2, 3]


def test_show_of_what_is_none_is_a_sentence(world: World, run: Run) -> None:
    status, _, err = run("show", NOBODY)
    assert (status, err.splitlines()[0][:45]) == (1, "docusnap: There is no such dead letter. It ma")


def test_redrive_by_ids_says_how_many_and_which_were_none(world: World, run: Run) -> None:
    letter, well = partial(world), world.recognised(world.upload("zenith"), "text")
    assert run("redrive", letter.id, letter.id) == (0, "1 redriven\n", "")
    status, out, err = run("redrive", letter.id, well.id)
    assert (status, out) == (1, "0 redriven\n")
    assert "2 of these are no dead letters" in err
    assert world.see(letter).served.status is Status.PROCESSING


def test_redrive_by_filter_takes_what_it_matches(world: World, run: Run) -> None:
    for tenant in ("acme", "zenith", "acme", "zenith"):
        world.failed(world.upload(tenant))
    assert run("redrive", "--tenant", "acme", "--code", "store_denied") == (0, "0 redriven\n", "")
    assert run("redrive", "--tenant", "acme") == (0, "2 redriven\n", "")
    assert run("redrive", "--all") == (0, "2 redriven\n", "")
    assert world.ledger.due() == 4


def test_redrive_goes_on_after_the_most_of_one_call(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("docusnap.dead.AT_ONCE", 2)
    monkeypatch.setattr("docusnap.dead.MOST", 3)
    for _ in range(8):
        world.failed(world.upload())
    assert run("redrive", "--all") == (0, "8 redriven\n", "")


def test_redrive_fills_the_queue_and_says_that_it_is_full(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_QUEUED", "2")
    for _ in range(3):
        world.failed(world.upload())
    status, out, err = run("redrive", "--all")
    assert (status, out) == (1, "2 redriven\n")
    assert err.startswith("docusnap: Too many documents are waiting already.")
    assert world.ledger.dead_letters(10) == 1


def test_redrive_wakes_ocr(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    world.failed(world.upload())
    with _serving(Sleeper()) as worker:
        worker.may_answer.set()
        monkeypatch.setenv("OCR_URL", worker.url)
        assert run("redrive", "--all")[0] == 0
        assert worker.has_answered(1)


def test_drop_leaves_the_document_as_it_is(world: World, run: Run) -> None:
    document, other = world.see(partial(world)), world.failed(world.upload("zenith"))
    assert run("drop", "--tenant", "acme") == (0, "1 dropped\n", "")
    assert world.see(document) == document
    assert run("list")[1].startswith(other.id)
    assert run("drop", other.id, NOBODY)[:2] == (1, "1 dropped\n")
    assert run("list") == (0, "", "")


UNCLEAR = [(), (NOBODY, "--all"), (NOBODY, "--tenant", "acme"), ("--all", "--code", "engine_failed"), ("--tenant", "A"), ("--code", "")]


@pytest.mark.parametrize("action", ["redrive", "drop"])
@pytest.mark.parametrize("words", UNCLEAR, ids=str)
def test_something_must_be_named_and_in_one_way(world: World, run: Run, action: str, words: tuple[str, ...]) -> None:
    letter = world.failed(world.upload())
    with pytest.raises(SystemExit) as caught:
        run(action, *words)
    assert caught.value.code == 2
    assert world.ledger.dead_letter(letter.id).id == letter.id


def test_a_setting_that_is_wrong_is_a_sentence(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_QUEUED", "many")
    status, _, err = run("redrive", "--all")
    assert (status, err) == (1, "docusnap: MAX_QUEUED: 'many' is not a whole number from 1.\n")
