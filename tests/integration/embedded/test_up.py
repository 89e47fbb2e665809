"""`docusnap up` as a foreign process sees it: files, HTTP, what it prints, and what it leaves."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import stat
import subprocess
from io import BytesIO
from pathlib import Path

import pytest
import requests
from docusnap.client import Client
from docusnap.hosts.embedded import screen
from docusnap.hosts.embedded.feed import SAMPLE
from docusnap.hosts.embedded.processes import Kin
from minio import Minio
from PIL import Image

from tests.integration.embedded.conftest import DOCUSNAP, RUNNING, House, clean_environ, until

PAGE = SAMPLE / "page.png"
WORDS = "Harbour Street Bakery"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def one_sentence(text: str) -> bool:
    return text.startswith("docusnap: ") and text.count("\n") == 1 and text.endswith(".\n")


def test_the_first_start_prints_the_text_of_the_sample_page(running: House) -> None:
    assert WORDS in running.output
    assert "文档识别示例" in running.output
    assert running.output.index(WORDS) < running.output.index("DocuSnap is running.")
    items = running.get("/v1/documents").json()["items"]
    assert "page.png" in [item["filename"] for item in items]


def test_the_files_of_the_home_are_for_its_owner_only(running: House) -> None:
    assert {name: mode(running.home / name) for name in ("api-key", "s3.env", "events-token", "run.json")} == dict.fromkeys(
        ("api-key", "s3.env", "events-token", "run.json"), 0o600
    )
    assert (running.home / "api-key").read_text().count("\n") == 1
    assert sorted(running.s3()) == ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "S3_BUCKET"]
    assert running.s3()["S3_BUCKET"] == "docusnap"


def test_the_key_of_the_home_is_a_user_s_and_an_operator_s_of_the_default_tenant(running: House) -> None:
    listed = running.run("keys", "list").stdout.splitlines()
    assert [line.split()[1:3] for line in listed if " default " in line] == [["default", "operator,user"]]


def test_a_second_start_says_where_the_first_runs(running: House) -> None:
    second = running.run("up")
    assert second.returncode == 0
    assert running.url in second.stdout
    assert str(running.home / "api-key") in second.stdout


def test_a_second_start_sends_its_file_and_a_rejected_one_prints_its_code(running: House, tmp_path: Path) -> None:
    (tmp_path / "renamed.png").write_text("plain text")
    rejected = running.run("up", tmp_path / "renamed.png")
    assert rejected.returncode == 0
    assert "unsupported_type" in rejected.stdout
    again = running.run("up", PAGE)
    assert WORDS in again.stdout
    assert requests.get(f"{running.url}/readyz", timeout=5).status_code == 200


def test_a_file_that_cannot_be_read_is_one_sentence(running: House) -> None:
    for name in ("none.pdf", str(running.home)):
        refused = running.run("up", name)
        assert refused.returncode != 0
        assert one_sentence(refused.stderr), refused.stderr


def test_a_busy_port_is_one_sentence_and_nothing_is_left(running: House, house: House) -> None:
    for name, port in (("DOCUSNAP_PORT", running.port), ("DOCUSNAP_S3_PORT", running.s3_port)):
        refused = house.run("up", **{name: str(port)})
        assert refused.returncode != 0
        assert one_sentence(refused.stderr), refused.stderr
        assert str(port) in refused.stderr
        assert name in refused.stderr
        assert house.kin.alive() == []
        assert not house.open_ports()


def test_bad_settings_are_one_line_and_leave_no_home(house: House) -> None:
    for variables in ({"DATABASE_URL": "sqlite:///docusnap.db"}, {"MAX_PAGES": "abc", "PAGE_SECONDS": "-1"}):
        refused = house.run("up", **variables)
        assert refused.returncode != 0
        assert refused.stderr.count("\n") == 1
        assert all(name in refused.stderr for name in variables)
        assert not house.home.exists()


def test_a_file_put_under_incoming_by_a_foreign_client_becomes_a_document(running: House) -> None:
    keys = running.s3()
    client = Minio(
        f"127.0.0.1:{running.s3_port}", access_key=keys["AWS_ACCESS_KEY_ID"], secret_key=keys["AWS_SECRET_ACCESS_KEY"], secure=False
    )
    data = PAGE.read_bytes()
    client.put_object(keys["S3_BUCKET"], "incoming/scans/front door.png", BytesIO(data), len(data))

    def arrived() -> bool:
        items = running.get("/v1/documents").json()["items"]
        return [item["status"] for item in items if item["filename"] == "front door.png"] == ["succeeded"]

    until(arrived, "a document of the foreign object")


def test_the_command_line_finds_the_stack_that_runs_here(running: House) -> None:
    first = running.run("ocr", PAGE)
    assert (first.returncode, WORDS in first.stdout) == (0, True), first.stderr
    before = running.get("/v1/documents?limit=100").json()["items"]
    assert running.run("ocr", PAGE).returncode == 0
    assert running.get("/v1/documents?limit=100").json()["items"] == before  # repeated without sending twice
    assert WORDS in running.run("search", "harbour", "bakery").stdout
    key = running.run("keys", "create", "--tenant", "acme").stdout
    assert key.count("\n") == 1
    assert running.run("list", DOCUSNAP_URL=running.url, DOCUSNAP_API_KEY=key.strip()).stdout == ""  # another tenant's view
    assert running.run("migrate").returncode == 0
    assert running.run("sweep").returncode == 0
    assert (running.run("dead", "list").stdout, running.run("dead", "redrive", "--all").stdout) == ("", "0 redriven\n")


def test_what_the_screen_says_to_try_next_works_as_it_is_typed(running: House) -> None:
    (shown,) = (line.strip() for line in running.output.splitlines() if " ocr FILE" in line)
    typed = shown.partition("  ")[0].replace("FILE", shlex.quote(str(PAGE)))
    environ = clean_environ(PATH="/usr/bin:/bin")
    tried = subprocess.run(["/bin/sh", "-c", typed], cwd=running.folder, env=environ, capture_output=True, text=True, check=False)
    assert (tried.returncode, WORDS in tried.stdout) == (0, True), tried.stderr


@pytest.mark.parametrize(
    ("started", "home", "shown"),
    [
        ("bin/docusnap", None, "bin/docusnap"),
        ("{cwd}/bin/docusnap", None, "bin/docusnap"),
        ("./docusnap", None, "./docusnap"),
        ("{cwd}/a b/docusnap", "my home", "DOCUSNAP_HOME='my home' 'a b/docusnap'"),
        ("-c", "", "docusnap"),
        ("none/docusnap", None, "docusnap"),
    ],
)
def test_the_command_is_shown_as_it_was_started(tmp_path: Path, started: str, home: str | None, shown: str) -> None:
    for folder in ("bin", "a b", "."):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "docusnap").touch()
    assert screen.command(started.format(cwd=tmp_path), tmp_path, home) == shown


def test_programs_that_die_are_started_again(running: House) -> None:
    for part in ("gateway", "worker", "store", "database", "sweep"):
        before = running.output.count(f"  {part} ended")
        os.kill(leader(running.kin, part), signal.SIGKILL)
        until(lambda part=part, before=before: running.output.count(f"  {part} ended") > before, f"a word about the {part}")
    until(lambda: requests.get(f"{running.url}/readyz", timeout=10).status_code == 200, "readiness")
    assert WORDS in running.run("ocr", "--force", PAGE).stdout


def leader(kin: Kin, part: str) -> int:
    """The process of a part that the supervisor itself started: the first of its session."""
    return next(pid for pid in kin.alive(part) if os.getsid(pid) == pid)


def test_after_stopping_nothing_is_left_and_the_next_start_finds_all_again(house: House, tmp_path: Path) -> None:
    house.start(until_it_says="starts in")
    until(lambda: ready(house), "readiness")
    key, keys = house.key(), house.s3()  # written before anybody can find the gateway ready
    until(lambda: RUNNING in house.output, "the start")
    document = house.get("/v1/documents").json()["items"][0]
    assert house.stop(signal.SIGINT) == 0
    assert_gone(house)
    assert not (house.home / "run.json").exists()
    for part in ("gateway", "worker"):
        log = (house.home / "logs" / f"{part}.log").read_text()
        assert "Shutting down: Master" in {json.loads(line)["message"] for line in log.splitlines()}, log

    house.start([DOCUSNAP, "up", PAGE])
    assert "Sending page.png" in house.output
    assert (house.key(), house.s3()) == (key, keys)
    assert house.get(f"/v1/documents/{document['id']}").json()["status"] == "succeeded"
    assert len(house.get("/v1/documents").json()["items"]) == 2  # the file; the sample page was for the first start only

    house.kill_everything()
    (house.home / "api-key").write_text("ds_of_another_database\n")
    house.start()
    assert house.key() != "ds_of_another_database"
    assert mode(house.home / "api-key") == 0o600
    assert len(house.get("/v1/documents").json()["items"]) == 2
    with socket.socket() as idle:  # a client that says nothing does not hold it up
        idle.connect(("127.0.0.1", house.port))
        assert house.stop() == 0
    assert_gone(house)


def test_pages_under_way_at_a_kill_are_not_waited_for_until_their_leases_run_out(house: House, tmp_path: Path) -> None:
    house.start()
    with Image.open(PAGE) as page:
        page.save(tmp_path / "many.tiff", save_all=True, append_images=[page] * 7)
    client = Client(house.url, house.key())
    document = client.send(tmp_path / "many.tiff")["id"]
    until(lambda: client.document(document)["pages"]["done"] >= 1, "the first page")
    house.kill_everything()
    client.close()
    house.start()
    until(lambda: house.get(f"/v1/documents/{document}").json()["status"] == "succeeded", "the rest", seconds=80)  # a lease lasts longer


def test_a_stop_in_the_middle_of_a_start_leaves_nothing(house: House) -> None:
    for moment in ("starts in", "database", "schema", "gateway"):
        house.start(until_it_says=moment)
        assert house.stop() == 0
        assert_gone(house)
    house.start()
    assert house.get("/v1/documents").status_code == 200


def ready(house: House) -> bool:
    try:
        return requests.get(f"{house.url}/readyz", timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


def assert_gone(house: House) -> None:
    assert house.kin.alive() == []
    assert not house.open_ports()
