"""What a newcomer meets beside the story: the first start, the README's own scripts, and a morning after `kill -9`."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.client import Client
from tests.acceptance.homes.base import ROOT
from tests.acceptance.homes.embedded_home import EmbeddedHome, opened
from tests.support.waiting import eventually

SAMPLE = ROOT / "layers/docusnap/sample"
PAGE, PAGE_TEXT = (SAMPLE / "page.png").read_bytes(), (SAMPLE / "page.txt").read_text("utf-8").rstrip("\n")


@pytest.fixture(scope="module")
def up() -> Iterator[EmbeddedHome]:
    with opened() as found:
        yield found


def reader_of(home: EmbeddedHome) -> Client:
    return Client(home.api, home.key, home.patience)


def readme_script(telling: str) -> str:
    """The README's Python script that holds these words."""
    scripts = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    return next(script for script in scripts if telling in script)


def test_the_sample_is_read_and_printed(up: EmbeddedHome) -> None:
    eventually(lambda: "succeeded" in up.screen, "the sample is read", up.patience)

    assert PAGE_TEXT in up.screen


def test_the_readmes_script_reads_a_page(up: EmbeddedHome, tmp_path: Path) -> None:
    script = readme_script("import os, sys").replace("http://127.0.0.1:8080", up.api).replace(".docusnap/", f"{up.home}/")
    (tmp_path / "first.py").write_text(script)

    command = [sys.executable, tmp_path / "first.py", SAMPLE / "page.png"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)

    assert PAGE_TEXT in ran.stdout


def test_the_readmes_boto3_lines_put_a_foreign_object(up: EmbeddedHome, tmp_path: Path) -> None:
    script = readme_script("import boto3").replace("127.0.0.1:9000", f"127.0.0.1:{up.s3_port}").replace(".docusnap/", f"{up.home}/")
    (tmp_path / "put.py").write_text(script)
    (tmp_path / "scan.pdf").write_bytes(PAGE)  # the bytes decide

    subprocess.run([sys.executable, "put.py"], cwd=tmp_path, timeout=60, check=True)

    (item,) = eventually(lambda: reader_of(up).named("scan.pdf"), "the foreign object is a document", up.patience)
    assert reader_of(up).settled(item["id"])["status"] == "succeeded"


def test_everything_killed_while_documents_are_queued_is_found_again() -> None:
    with opened() as home:
        reader = reader_of(home)
        documents = [reader.send(f"{number}.png", PAGE) for number in range(4)]
        home.kill_everything()
        home.start()

        assert [reader.settled(document)["status"] for document in documents] == ["succeeded"] * 4
        listed = reader.get("/documents", limit=100)["items"]
        assert sorted(item["id"] for item in listed if item["filename"] != "page.png") == sorted(documents)
