"""The command line against a small real HTTP server that plays the API's part, well-behaved or not."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from docusnap.cli import main
from docusnap.cli.ocr import files
from docusnap.client import Client, ClientError, idempotency_key, is_final, upload_request

Answer = tuple[int, dict[str, str], Any]
DOCUMENT = {
    "id": "d1",
    "filename": "a.png",
    "status": "succeeded",
    "revision": 1,
    "pages": {"total": 1, "done": 1, "failed": 0},
    "created_at": "2026-11-24T00:00:00Z",
    "updated_at": "2026-11-24T00:00:01Z",
}


class Api:
    """Remembers what it was sent, and answers what the test says."""

    def __init__(self, answer: Callable[[str, str, bytes], Answer]) -> None:
        self.seen: list[tuple[str, str, bytes, dict[str, str]]] = []
        self._answer = answer
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                api.seen.append((self.command, self.path, body, {k.lower(): v for k, v in self.headers.items()}))
                status, headers, content = api._answer(self.command, self.path, body)
                data = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": "0" if status == 204 else str(len(data))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"" if status == 204 else data)

            do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815  the names that http.server looks for

            def log_message(self, *_args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def calls(self) -> list[str]:
        return [f"{method} {path}" for method, path, _, _ in self.seen]


@contextmanager
def serving(answer: Callable[[str, str, bytes], Answer], monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    api = Api(answer)
    thread = threading.Thread(target=api.server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("DOCUSNAP_URL", api.url)
    monkeypatch.setenv("DOCUSNAP_API_KEY", "ds_secret")
    try:
        yield api
    finally:
        api.server.shutdown()
        api.server.server_close()
        thread.join()


def problem(status: int, code: str, **headers: str) -> Answer:
    return status, headers, {"code": code, "detail": "Because.", "status": status}


def recognising(method: str, path: str, body: bytes, status: str = "succeeded", *, url: list[str]) -> Answer:
    """An API that takes every file, and its store."""
    if method == "POST":
        headers = {"Content-Type": json.loads(body)["content_type"], "If-None-Match": "*"}
        return 201, {}, {"id": "d1", "status": "awaiting_upload", "upload": {"method": "PUT", "url": f"{url[0]}/put", "headers": headers}}
    if path.startswith("/put"):
        return 200, {}, b""
    if "/content" in path:
        return 200, {}, {"pages": []} if "format=json" in path else "你好 text".encode()
    return (
        200,
        {},
        {**DOCUMENT, "status": status, "error": None if status == "succeeded" else {"code": "corrupt_image", "message": "Broken."}},
    )


def recogniser(url: list[str], status: str = "succeeded") -> Callable[[str, str, bytes], Answer]:
    return lambda method, path, body: recognising(method, path, body, status, url=url)


def test_a_file_is_registered_uploaded_and_its_text_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (tmp_path / "a.png").write_bytes(b"x" * 100_000)
    url: list[str] = []
    with serving(recogniser(url), monkeypatch) as api:
        url.append(api.url)
        assert main(["ocr", str(tmp_path / "a.png")]) == 0
    assert capfdbinary.readouterr().out == "你好 text\n".encode()
    (_, _, posted, headers), (_, _, put, put_headers), *_ = api.seen
    assert json.loads(posted)["size"] == 100_000
    assert headers["authorization"] == "Bearer ds_secret"
    assert put == b"x" * 100_000
    assert put_headers["if-none-match"] == "*"
    assert "authorization" not in put_headers  # the signature is the store's; the key is nobody's business there
    assert "transfer-encoding" not in put_headers


def test_the_same_file_has_the_same_idempotency_key_and_another_mode_another(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"1")
    (tmp_path / "b.png").write_bytes(b"1")
    first, again = (idempotency_key(upload_request(tmp_path / "a.png", force=False)) for _ in range(2))
    assert first == again
    assert idempotency_key(upload_request(tmp_path / "a.png", force=True)) != first
    assert idempotency_key(upload_request(tmp_path / "b.png", force=False)) != first  # the same bytes, but another request


def test_what_is_there_already_is_not_sent_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.png").write_bytes(b"1")

    def known(method: str, path: str, body: bytes) -> Answer:
        return (201, {}, DOCUMENT) if method == "POST" else recognising(method, path, body, url=[""])

    with serving(known, monkeypatch) as api:
        assert main(["ocr", str(tmp_path / "a.png")]) == 0
    assert not [call for call in api.calls() if call.startswith("PUT")]
    assert "text" in capfd.readouterr().out


def test_a_deleted_document_is_sent_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_bytes(b"1")
    keys: list[str] = []

    def deleted_once(method: str, path: str, body: bytes) -> Answer:
        if method == "POST" and not keys:
            keys.append("first")
            return problem(409, "document_deleted")
        return (201, {}, DOCUMENT) if method == "POST" else recognising(method, path, body, url=[""])

    with serving(deleted_once, monkeypatch) as api:
        assert main(["ocr", str(tmp_path / "a.png")]) == 0
    first, second = (headers["idempotency-key"] for method, _, _, headers in api.seen if method == "POST")
    assert first != second


def test_one_rejected_file_of_several_gives_status_1_and_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(name.encode())

    def second_is_bad(method: str, path: str, body: bytes) -> Answer:
        if method == "POST":
            return 201, {}, {**DOCUMENT, "id": json.loads(body)["filename"]}
        return recognising(method, path, body, "rejected" if "b.png" in path else "succeeded", url=[""])

    with serving(second_is_bad, monkeypatch):
        assert main(["ocr", str(tmp_path)]) == 1
    streams = capfd.readouterr()
    assert streams.err == f"docusnap: {tmp_path}/b.png: corrupt_image: Broken.\n"
    assert streams.out == f"== {tmp_path}/a.png\n你好 text\n"


def test_json_is_one_line_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("a.png", "b.pdf"):
        (tmp_path / name).write_bytes(name.encode())
    with serving(lambda m, p, b: (201, {}, DOCUMENT) if m == "POST" else recognising(m, p, b, url=[""]), monkeypatch):
        assert main(["ocr", "--json", str(tmp_path)]) == 0
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert sorted(line["file"] for line in lines) == [f"{tmp_path}/a.png", f"{tmp_path}/b.pdf"]
    assert all(line["content"] == {"pages": []} and line["document"]["id"] == "d1" for line in lines)


def test_a_folder_gives_its_images_and_pdfs_by_name_and_no_hidden_ones(tmp_path: Path) -> None:
    for name in ("b.PNG", "a.pdf", "notes.md", ".hidden.png", "sub/c.tiff", ".git/d.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [path.relative_to(tmp_path).as_posix() for path in files([str(tmp_path)])] == ["a.pdf", "b.PNG", "sub/c.tiff"]


def test_a_missing_file_is_a_sentence_and_the_others_are_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.png").write_bytes(b"1")
    with serving(lambda m, p, b: (201, {}, DOCUMENT) if m == "POST" else recognising(m, p, b, url=[""]), monkeypatch):
        assert main(["ocr", str(tmp_path / "none.png"), str(tmp_path / "a.png")]) == 1
    streams = capfd.readouterr()
    assert "none.png: it cannot be read: No such file or directory." in streams.err
    assert "text" in streams.out


def test_a_busy_server_is_asked_again_after_what_it_says(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    asked: list[str] = []

    def busy_twice(_method: str, path: str, _body: bytes) -> Answer:
        asked.append(path)
        if len(asked) < 3:
            return problem(429 if len(asked) == 1 else 503, "too_many_requests", **{"Retry-After": "0"})
        return 200, {}, DOCUMENT

    with serving(busy_twice, monkeypatch):
        assert main(["get", "d1"]) == 0
    assert len(asked) == 3
    assert "status    succeeded" in capfd.readouterr().out


def test_a_server_that_stays_busy_is_given_up_with_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda *_: problem(503, "database_unavailable", **{"Retry-After": "30"}), monkeypatch) as api:
        client = Client(api.url, "k", patience=5)
        with pytest.raises(ClientError, match="database_unavailable: Because") as caught:
            client.document("d1")
        client.close()
    assert caught.value.status == 503


def test_a_call_that_may_not_be_repeated_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda *_: problem(500, "internal_error"), monkeypatch) as api, pytest.raises(ClientError, match="internal_error"):
        Client(api.url, "k").cancel("d1")
    assert api.calls() == ["POST /v1/documents/d1/cancel"]


def test_a_list_follows_the_cursor_and_stops_at_the_limit(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    def pages(_method: str, path: str, _body: bytes) -> Answer:
        second = "cursor=c" in path
        return 200, {}, {"items": [{**DOCUMENT, "id": f"{second:d}{n}"} for n in range(2)], "next_cursor": None if second else "c"}

    with serving(pages, monkeypatch) as api:
        assert main(["list", "--all", "--status", "succeeded"]) == 0
        assert [line[:2] for line in capfd.readouterr().out.splitlines()] == ["00", "01", "10", "11"]
        assert main(["list", "--limit", "2", "--json"]) == 0
        assert [json.loads(line)["id"] for line in capfd.readouterr().out.splitlines()] == ["00", "01"]
    assert api.calls()[0] == "GET /v1/documents?status=succeeded&limit=100"
    assert api.calls()[2:] == ["GET /v1/documents?limit=2"]


def test_delete_goes_on_after_an_unknown_id(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    with serving(lambda _m, path, _b: problem(404, "document_not_found") if path.endswith("/x") else (204, {}, b""), monkeypatch) as api:
        assert main(["delete", "x", "d1"]) == 1
    assert api.calls() == ["DELETE /v1/documents/x", "DELETE /v1/documents/d1"]
    assert "docusnap: x: document_not_found" in capfd.readouterr().err


def test_an_id_cannot_leave_its_place_in_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda *_: problem(404, "not_found"), monkeypatch) as api:
        assert main(["get", "../../metrics?x="]) == 1
    assert api.calls() == ["GET /v1/documents/..%2F..%2Fmetrics%3Fx%3D"]


def test_a_server_that_is_no_docusnap_is_a_sentence(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    with serving(lambda *_: (200, {}, b"<html>"), monkeypatch):
        assert main(["get", "d1"]) == 1
    assert "does not answer like DocuSnap" in capfd.readouterr().err


def test_nobody_at_the_address_is_a_sentence(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DOCUSNAP_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("DOCUSNAP_API_KEY", "k")
    assert main(["list"]) == 1
    error = capfd.readouterr().err
    assert error.startswith("docusnap: server_unreachable: http://127.0.0.1:1 does not answer")
    assert error.count("\n") == 1


def test_without_a_server_here_every_command_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("DOCUSNAP_URL", "DOCUSNAP_API_KEY", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCUSNAP_HOME", str(tmp_path))
    for command in (["list"], ["keys", "list"], ["dead", "list"], ["dead", "redrive", "--all"], ["migrate"], ["sweep"]):
        assert main(command) == 1
        assert "No DocuSnap is running" in capfd.readouterr().err


def test_usage_errors_have_status_2(capfd: pytest.CaptureFixture[str]) -> None:
    for argv in (
        [],
        ["ocr"],
        ["ocr", "--jobs", "0", "x"],
        ["keys", "create"],
        ["keys", "create", "--tenant", "t", "--scope", "root"],
        ["bogus"],
    ):
        with pytest.raises(SystemExit) as caught:
            main(argv)
        assert caught.value.code == 2
    assert "Traceback" not in capfd.readouterr().err


def test_a_newer_revision_that_did_not_end_well_is_told_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    failed = {"revision": 2, "status": "failed", "pages": DOCUMENT["pages"], "error": {"code": "engine_failed", "message": "Because."}}
    with serving(lambda *_: (200, {}, {**DOCUMENT, "unserved_revision": failed}), monkeypatch):
        assert main(["get", "d1"]) == 0
        assert capfd.readouterr().out.splitlines()[-1] == "unserved  revision 2, failed: engine_failed: Because."
        assert main(["reprocess", "d1"]) == 0
        assert capfd.readouterr().out == "d1  revision 2  failed\n"
        failed.pop("error")
        assert main(["get", "d1"]) == 0
        assert capfd.readouterr().out.splitlines()[-1] == "unserved  revision 2, failed"


def test_a_newer_revision_that_runs_is_waited_for() -> None:
    assert is_final(DOCUMENT)
    assert is_final({**DOCUMENT, "unserved_revision": {"revision": 2, "status": "failed"}})
    assert not is_final({**DOCUMENT, "next_revision": {"revision": 2, "status": "queued"}})
    assert not is_final({**DOCUMENT, "status": "awaiting_upload"})


def test_a_reader_who_has_seen_enough_and_a_full_disk_are_no_tracebacks(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [{**DOCUMENT, "filename": "x" * 5000}] * 100
    with serving(lambda *_: (200, {}, {"items": many, "next_cursor": None}), monkeypatch):
        command = [sys.executable, "-c", "import sys; from docusnap.cli import main; sys.exit(main(['list']))"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.read(10)
            process.stdout.close()
            assert process.stderr.read() == b""
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert process.returncode == 1
    assert (done.returncode, done.stderr) == (1, b"docusnap: The output: No space left on device.\n")
