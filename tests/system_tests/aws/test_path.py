"""From a presigned PUT to the text that API Gateway serves: bucket, queue, mapping, emulator, awslambdaric, our handler, PostgreSQL."""

from __future__ import annotations

import json
from pathlib import Path

import requests

from tests.acceptance.client import Client, upload
from tests.support.aws.cloud import Cloud
from tests.support.aws.messages import arrivals, wakes
from tests.support.aws.sandbox import USER
from tests.support.pages import Pdf, text_at
from tests.support.stores.store import ROOT
from tests.support.waiting import eventually

SAMPLE = ROOT / "layers/docusnap/sample"
PAGE, PAGE_TEXT = (SAMPLE / "page.png").read_bytes(), (SAMPLE / "page.txt").read_text("utf-8").rstrip("\n")
DEVICES = ["fd", "full", "null", "random", "stderr", "stdin", "stdout", "urandom", "zero"]  # no shm
PATIENCE = 90.0  # seconds


def test_what_is_put_to_a_presigned_url_is_text_that_the_api_serves(cloud: Cloud, reader: Client) -> None:
    created = reader.register("page.png", len(PAGE))
    assert upload(created["upload"], PAGE).status_code == 200
    assert reader.settled(created["id"])["status"] == "succeeded"
    assert reader.text(created["id"]) == PAGE_TEXT
    (call,) = eventually(lambda: arrivals(cloud.ocr, created["id"]), "the call has ended", PATIENCE)
    assert call.event["Records"][0]["attributes"]["ApproximateReceiveCount"] == "1"
    assert call.answer["batchItemFailures"] == []


def test_a_second_put_to_the_same_url_is_refused(reader: Client) -> None:
    created = reader.register("once.png", len(PAGE))
    assert [upload(created["upload"], PAGE).status_code for _ in range(2)] == [200, 412]


def test_ocr_has_no_dev_shm_no_root_and_nowhere_to_write_but_tmp(cloud: Cloud, reader: Client) -> None:
    assert reader.settled(reader.send("sandbox.png", PAGE))["status"] == "succeeded"
    call = eventually(lambda: [one for one in list(cloud.ocr.calls) if one.answer["handled"]], "a call has worked", PATIENCE)[-1]
    environment = cloud.ocr.environments[call.environment]
    programs = {pid: Path(f"/proc/{pid}/cmdline").read_text("utf-8").split("\0") for pid in environment.pids}
    children = {module: pid for pid, words in programs.items() for module in words if module.startswith("docusnap.adapters.")}
    assert {"docusnap.adapters.decoder.child", "docusnap.adapters.engine_process"} <= set(children)
    for pid in children.values():
        root = Path(f"/proc/{pid}/root")
        assert sorted(one.name for one in (root / "dev").iterdir()) == DEVICES
        assert status_line(pid, "Uid").split()[1:] == [USER] * 4
        assert writable(pid) == {"/proc", "/tmp"}  # noqa: S108  looked at, not written to


def status_line(pid: int, name: str) -> str:
    return next(line for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines() if line.startswith(f"{name}:"))


def writable(pid: int) -> set[str]:
    """Where a process could write, its devices aside."""
    mounts = [line.split() for line in Path(f"/proc/{pid}/mountinfo").read_text("utf-8").splitlines()]
    return {words[4] for words in mounts if "rw" in words[5].split(",") and not words[4].startswith("/dev/")}


def test_the_zip_functions_have_the_layer_and_nothing_else_of_ours(cloud: Cloud, reader: Client) -> None:
    reader.get("/documents")
    (pid, *_) = cloud.functions["query"].environments[0].pids
    root = Path(f"/proc/{pid}/root")
    assert sorted(one.name for one in (root / "var/task").iterdir()) == sorted(one.name for one in (ROOT / "functions/query").iterdir())
    assert (root / "opt/python/docusnap").is_dir()
    assert not (root / "app").exists()
    assert not (root / str(ROOT / "layers").lstrip("/")).exists()


def test_a_wake_of_upload_comes_by_the_queue(cloud: Cloud, reader: Client) -> None:
    document = reader.send("again.png", PAGE)
    reader.settled(document)
    cloud.ocr.calls.clear()
    assert reader.ask("POST", f"/documents/{document}/reprocess").status_code == 202
    assert reader.settled(document)["revision"] == 2
    eventually(lambda: wakes(cloud.ocr), "the wake has ended", PATIENCE)


def test_a_split_wakes_a_second_environment(cloud: Cloud, reader: Client) -> None:
    pdf = Pdf()
    for number in range(12):
        pdf.page(text_at(20, 20, f"page {number}"), box=(0, 0, 200, 60))
    document = reader.settled(reader.send("split.pdf", pdf.written(), ocr="force"))
    assert (document["status"], document["pages"]["done"]) == ("succeeded", 12)
    eventually(lambda: len(wakes(cloud.ocr)) >= 4, "all wakes have ended", PATIENCE)
    assert {call.environment for call in cloud.ocr.calls if call.answer["handled"]} == {0, 1}


def test_the_api_answers_what_is_no_call_of_ours(cloud: Cloud, reader: Client) -> None:
    assert reader.status_of("/nothing/here") == (404, "not_found")
    assert reader.status_of("/documents", "PUT") == (405, "method_not_allowed")
    assert Client(cloud.api, "wrong", 1).status_of("/documents") == (401, "invalid_key")
    assert requests.options(f"{cloud.api}/v1/documents", timeout=30).status_code == 204
    assert requests.get(f"{cloud.api}/readyz", timeout=30).json() == {"status": "ready"}
    assert requests.head(f"{cloud.api}/healthz", timeout=30).status_code == 200


def test_a_link_to_the_original_leads_to_the_bucket(reader: Client) -> None:
    document = reader.send("原件.png", PAGE)
    reader.settled(document)
    assert reader.original(document).content == PAGE


def test_a_notification_by_http_reaches_intake(cloud: Cloud) -> None:
    event = json.loads((ROOT / "events/minio/put.json").read_text("utf-8"))
    for path, headers in (("/events/s3", {"Authorization": "Bearer events-token"}), ("/events/s3/events-token", {})):
        answer = requests.post(f"{cloud.api}{path}", json=event, headers=headers, timeout=30)
        assert answer.status_code == 200, answer.text
    assert requests.post(f"{cloud.api}/events/s3/wrong", json=event, timeout=30).status_code == 401
