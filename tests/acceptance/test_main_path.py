"""The main path as a newcomer meets it: `docusnap up`, the README's own script, a foreign client, and the end."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import minio
import pytest
import requests

from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "layers/docusnap/sample"
DOCUSNAP = Path(sysconfig.get_path("scripts")) / "docusnap"


@dataclass(frozen=True, slots=True)
class Running:
    home: Path
    port: int
    s3_port: int
    process: subprocess.Popen[bytes]

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def key(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {(self.home / 'api-key').read_text().strip()}"}

    def kill_everything(self) -> None:
        """As an operator's worst day: the supervisor, and every process that works for this home."""
        self.process.kill()
        self.process.wait()
        for pid in _of(self.home):
            os.kill(pid, signal.SIGKILL)


def _of(home: Path) -> list[int]:
    """Processes whose environment or command line names the home: all that `docusnap up` starts."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            told = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if int(folder.name) != os.getpid() and str(home).encode() in told:
            found.append(int(folder.name))
    return found


def _up(home: Path, ports: tuple[int, int]) -> Running:
    environ = {**os.environ, "DOCUSNAP_HOME": str(home), "DOCUSNAP_PORT": str(ports[0]), "DOCUSNAP_S3_PORT": str(ports[1])}
    with (home.parent / "screen").open("ab") as screen:
        process = subprocess.Popen([DOCUSNAP, "up"], env=environ, stdout=screen, stderr=screen, cwd=ROOT)
    running = Running(home, *ports, process)
    for _ in range(600):
        if process.poll() is not None:
            break
        try:
            if requests.get(f"http://127.0.0.1:{ports[0]}/readyz", timeout=2).ok:
                assert (home / "api-key").stat().st_mode & 0o777 == 0o600, "the key is there before /readyz is 200"
                return running
        except requests.RequestException:
            pass
        time.sleep(0.02)
    process.kill()
    process.wait()
    raise AssertionError((home.parent / "screen").read_text())


@pytest.fixture(scope="module")
def up() -> Iterator[Running]:
    folder = Path(tempfile.mkdtemp(prefix="docusnap-"))  # not pytest's: as root, PostgreSQL's user must get through to it
    home = folder / "home"
    running = _up(home, (free_port(), free_port()))
    yield running
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(timeout=15) == 0
    assert _of(home) == []
    shutil.rmtree(folder)


def _settled(up: Running, document: str) -> dict[str, object]:
    for _ in range(8):
        answer: dict[str, object] = requests.get(f"{up.api}/documents/{document}?wait=25", headers=up.key, timeout=30).json()
        if answer["status"] not in {"awaiting_upload", "queued", "processing"}:
            return answer
    raise AssertionError(answer)


def _send(up: Running, name: str, body: bytes) -> str:
    asked = {"filename": name, "content_type": "application/octet-stream", "method": "PUT", "size": len(body)}
    answer = requests.post(f"{up.api}/documents", headers=up.key, json=asked, timeout=10).json()
    requests.put(answer["upload"]["url"], headers=answer["upload"]["headers"], data=body, timeout=30).raise_for_status()
    document: str = answer["id"]
    return document


def _adopted(up: Running, filename: str) -> dict[str, Any]:
    for _ in range(300):
        items = requests.get(f"{up.api}/documents", headers=up.key, timeout=10).json()["items"]
        if found := [item for item in items if item["filename"] == filename]:
            item: dict[str, Any] = found[0]
            return item
        time.sleep(0.1)
    raise AssertionError(f"{filename} was not adopted")


def test_the_sample_is_read_and_printed(up: Running) -> None:
    for _ in range(600):
        screen = (up.home.parent / "screen").read_text("utf-8")
        if "succeeded" in screen:
            break
        time.sleep(0.1)
    assert (SAMPLE / "page.txt").read_text("utf-8").strip() in screen


def test_the_readmes_script_reads_a_page(up: Running, tmp_path: Path) -> None:
    script = next(
        code for code in re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL) if "import os, sys" in code
    )
    script = script.replace("127.0.0.1:8080", f"127.0.0.1:{up.port}").replace(".docusnap/", f"{up.home}/")
    (tmp_path / "first.py").write_text(script)
    ran = subprocess.run(
        [sys.executable, tmp_path / "first.py", SAMPLE / "page.png"], capture_output=True, text=True, timeout=120, check=True
    )
    assert (SAMPLE / "page.txt").read_text("utf-8").strip() in ran.stdout


def test_the_readmes_boto3_lines_put_a_foreign_object(up: Running, tmp_path: Path) -> None:
    script = next(
        code for code in re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL) if "import boto3" in code
    )
    script = script.replace("127.0.0.1:9000", f"127.0.0.1:{up.s3_port}").replace(".docusnap/", f"{up.home}/")
    (tmp_path / "put.py").write_text(script)
    (tmp_path / "scan.pdf").write_bytes((SAMPLE / "page.png").read_bytes())  # the bytes decide
    subprocess.run([sys.executable, "put.py"], cwd=tmp_path, timeout=60, check=True)
    assert _adopted(up, "scan.pdf")["status"] in {"queued", "processing", "succeeded"}


def test_an_object_of_a_foreign_client_becomes_a_document_that_can_be_found(up: Running) -> None:
    env = dict(line.split("=", 1) for line in (up.home / "s3.env").read_text().splitlines())
    client = minio.Minio(f"127.0.0.1:{up.s3_port}", env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], secure=False)
    client.fput_object(env["S3_BUCKET"], "incoming/foreign page.png", str(SAMPLE / "page.png"))
    found = _adopted(up, "foreign page.png")
    assert found["source"] == {"bucket": env["S3_BUCKET"], "key": "incoming/foreign page.png"}
    assert _settled(up, found["id"])["status"] == "succeeded"
    hits = requests.get(f"{up.api}/search", params={"q": "数据库"}, headers=up.key, timeout=10).json()["items"]
    hit = next(hit for hit in hits if hit["document_id"] == found["id"])
    assert [match["line"] for match in hit["matches"]] == [7]


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("letter.png", b"Dear Sir or Madam, this is no picture.\n" * 20, "unsupported_type"),
        ("cut.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01", "corrupt_image"),
        ("broken.pdf", b"%PDF-1.7\nnothing of a PDF follows\n", "corrupt_pdf"),
    ],
)
def test_input_that_can_never_work_is_rejected_with_its_code(up: Running, name: str, body: bytes, code: str) -> None:
    document = _settled(up, _send(up, name, body))
    assert document["status"] == "rejected"
    assert isinstance(document["error"], dict)
    assert document["error"]["code"] == code


def test_everything_killed_while_documents_are_queued_is_found_again() -> None:
    folder = Path(tempfile.mkdtemp(prefix="docusnap-"))
    home, ports = folder / "home", (free_port(), free_port())
    killed = _up(home, ports)
    documents = [_send(killed, f"{number}.png", (SAMPLE / "page.png").read_bytes()) for number in range(4)]
    killed.kill_everything()
    again = _up(home, ports)
    try:
        assert [_settled(again, document)["status"] for document in documents] == ["succeeded"] * 4
        listed = requests.get(f"{again.api}/documents?limit=100", headers=again.key, timeout=10).json()["items"]
        assert sorted(item["id"] for item in listed if item["filename"] != "page.png") == sorted(documents)
    finally:
        again.process.send_signal(signal.SIGTERM)
        assert again.process.wait(timeout=15) == 0
    assert _of(home) == []
    shutil.rmtree(folder)
