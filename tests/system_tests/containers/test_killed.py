"""Containers that are killed, stopped and away: in the story's home of MinIO's server, Debian's PostgreSQL, nginx and our images."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
import sqlalchemy as sa
from PIL import Image

from tests.acceptance.client import Client
from tests.acceptance.homes.base import ROOT
from tests.acceptance.homes.containers_home import FUNCTIONS, ContainersHome, opened
from tests.support.containers import podman
from tests.support.pages import Pdf, picture_at
from tests.support.waiting import eventually

SAMPLE = ROOT / "layers/docusnap/sample"
PAGE, PAGE_TEXT = (SAMPLE / "page.png").read_bytes(), (SAMPLE / "page.txt").read_text("utf-8").rstrip("\n")
PAGES = 12
PATIENCE = 300.0  # a lease of 90 s, and the pages, on a busy machine


@pytest.fixture(scope="module")
def home() -> Iterator[ContainersHome]:
    with opened() as found:
        yield found


@pytest.fixture(scope="module")
def reader(home: ContainersHome) -> Client:
    return Client(home.api, home.key, PATIENCE)


@pytest.fixture(scope="module")
def leases(home: ContainersHome) -> Iterator[sa.Engine]:
    url = (home.secrets / "DATABASE_URL").read_text().strip().replace("postgresql:", "postgresql+psycopg2:")
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool, isolation_level="AUTOCOMMIT")
    yield engine
    engine.dispose()


def under_way(leases: sa.Engine) -> int:
    """How many pages somebody holds a lease of."""
    with leases.connect() as connection:
        return int(connection.execute(sa.text("SELECT count(*) FROM work WHERE state = 'processing'")).scalar_one())


def scan() -> bytes:
    """A PDF of so many scanned pages."""
    pdf, page = Pdf(), Image.open(SAMPLE / "page.png")
    number = pdf.image(page)
    for _ in range(PAGES):
        pdf.page(
            picture_at("I", 0, 0, page.width * 0.5, page.height * 0.5),
            box=(0, 0, page.width * 0.5, page.height * 0.5),
            things=f"/I {number} 0 R",
        )
    return pdf.written()


def send_and_await_the_first_page(reader: Client, leases: sa.Engine) -> str:
    """A long document that is being read: some pages are done, others under way."""
    document = reader.send("long.pdf", scan())
    eventually(lambda: reader.get(f"/documents/{document}")["pages"]["done"], "a page is done", PATIENCE)
    eventually(lambda: under_way(leases), "a page is under way", 30)
    return document


def assert_whole(reader: Client, document: str) -> None:
    settled = reader.settled(document)
    assert (settled["status"], settled["revision"], settled["pages"]) == ("succeeded", 1, {"total": PAGES, "done": PAGES, "failed": 0})
    assert reader.text(document).split("\f") == [PAGE_TEXT] * PAGES


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_container_is_nobodys_and_can_write_nowhere_but_in_tmp(home: ContainersHome, function: str) -> None:
    tried = "id -u; touch /app/x 2>&1; touch /x 2>&1; touch /opt/docusnap/x 2>&1; touch /tmp/x && echo written"
    said = podman("exec", home.containers[function].name, "sh", "-c", tried).stdout.splitlines()
    assert (said[0], said[-1], len(said)) == ("65532", "written", 5)
    assert all("Read-only file system" in line for line in said[1:4])


def test_an_ocr_container_that_is_told_to_stop_hands_its_pages_over_at_once(
    home: ContainersHome, reader: Client, leases: sa.Engine
) -> None:
    document = send_and_await_the_first_page(reader, leases)

    exit_code = home.containers["ocr"].stop()

    assert exit_code == 0
    assert under_way(leases) == 0, "no lease is left to run out"
    assert reader.get(f"/documents/{document}")["status"] == "processing"
    home.containers["ocr"].start()
    assert_whole(reader, document)


def test_an_ocr_container_that_is_killed_costs_a_lease_and_no_page(home: ContainersHome, reader: Client, leases: sa.Engine) -> None:
    document = send_and_await_the_first_page(reader, leases)

    home.containers["ocr"].kill()

    assert under_way(leases) > 0, "it died in the middle of a page"
    assert reader.get(f"/documents/{document}")["status"] == "processing"
    home.containers["ocr"].start()
    assert_whole(reader, document)


def test_events_wait_in_the_store_while_intake_is_away(home: ContainersHome, reader: Client) -> None:
    for function in ("sweep", "intake"):  # so that only the store's own queue can bring it
        home.containers[function].kill()
    document = reader.send("while intake was away.png", PAGE)
    assert requests.post(f"{home.api}/events/s3", json={}, timeout=10).status_code == 502
    assert reader.get(f"/documents/{document}", wait=5)["status"] == "awaiting_upload"

    home.containers["intake"].start()

    assert reader.settled(document)["status"] == "succeeded"
    assert '"route": "/events/s3", "status": 200' in home.containers["intake"].log
    home.containers["sweep"].start()


def test_readers_and_writers_come_back_after_a_kill(home: ContainersHome, reader: Client) -> None:
    document = reader.send("before.png", PAGE)
    assert reader.settled(document)["status"] == "succeeded"
    for function in ("query", "upload"):
        home.containers[function].kill()
    assert reader.status_of(f"/documents/{document}") == (502, "function_unreachable")
    assert reader.status_of(f"/documents/{document}/reprocess", "POST") == (502, "function_unreachable")

    for function in ("query", "upload"):
        home.containers[function].start()

    assert reader.text(document) == PAGE_TEXT
    assert reader.settled(reader.send("after.png", PAGE))["status"] == "succeeded"
