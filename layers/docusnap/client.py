"""A client of the HTTP API, for the command line and the embedded stack's first page. It speaks HTTP only, as any client would."""

from __future__ import annotations

import hashlib
import json
import mimetypes
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import urllib3
from urllib3.exceptions import HTTPError

Json = dict[str, Any]
CHUNK = 1 << 16  # bytes
_RETRIED = frozenset({429, 503})


class ClientError(Exception):
    """A call did not succeed. The message is a sentence; `code` is the server's, or a word of our own where it did not answer."""

    def __init__(self, code: str, message: str, status: int = 0) -> None:
        self.code, self.message, self.status = code, message, status
        super().__init__(f"{code}: {message}")


class Client:
    """One server and one API key. Safe under threads.

    Every call may raise ClientError. 429 and 503 are tried again after their Retry-After for at most `patience` seconds; a server that
    does not answer at all is tried again only where the call may be repeated.
    """

    def __init__(self, url: str, key: str, *, patience: float = 60.0, connections: int = 8) -> None:
        self._url = url.rstrip("/")
        self._patience = patience
        self._headers = {"Authorization": f"Bearer {key}", "User-Agent": "docusnap-cli"}
        self._pool = urllib3.PoolManager(maxsize=connections, retries=False, timeout=urllib3.Timeout(connect=5, read=60))

    def close(self) -> None:
        self._pool.clear()

    def send(self, path: Path, *, force: bool = False, anew: bool = False) -> Json:
        """Register a file and upload it; the same file within 24 h gives the same document and sends no byte twice, unless `anew`."""
        body = upload_request(path, force=force)
        key = idempotency_key(body) + (f"-{uuid.uuid4().hex}" if anew else "")
        try:
            document = self.register(body, key)
        except ClientError as exc:
            if exc.code != "document_deleted":
                raise
            document = self.register(body, f"{key}-{uuid.uuid4().hex}")
        if ticket := document.get("upload"):
            self.upload(ticket, path)
        return document

    def register(self, body: Json, idempotency_key: str) -> Json:
        return self._json("POST", "/v1/documents", body, {"Idempotency-Key": idempotency_key})

    def upload(self, ticket: Json, path: Path) -> None:
        """PUT the file's bytes as the ticket says, read from the disk as they are sent."""
        headers = {**ticket["headers"], "Content-Length": str(path.stat().st_size)}
        with path.open("rb") as file:
            try:
                response = self._pool.request(ticket["method"], ticket["url"], body=file, headers=_unique(headers), redirect=False)
            except HTTPError as exc:
                raise ClientError("store_unreachable", f"The store does not take {path.name}: {_reason(exc)}.") from exc
        if response.status == 412 or response.status < 300:  # 412: it is there already
            return
        raise ClientError("upload_refused", f"The store refuses {path.name} with {response.status}.", response.status)

    def document(self, document_id: str, wait: float = 0) -> Json:
        return self._json("GET", _of(document_id, "", {"wait": f"{wait:g}"} if wait else {}))

    def await_final(self, document_id: str, timeout: float | None = None, watch: Callable[[Json], None] = lambda _: None) -> Json:
        """The document once nothing of it is running; `watch` sees every answer on the way.

        Raises: ClientError `timeout` after so many seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = 25.0 if deadline is None else min(25.0, deadline - time.monotonic())
            if left <= 0:
                raise ClientError("timeout", f"Document {document_id} was not finished in time; docusnap get {document_id} shows it later.")
            asked = time.monotonic()
            document = self.document(document_id, wait=max(1, int(left)))
            watch(document)
            if is_final(document):
                return document
            time.sleep(max(0.0, 0.5 - (time.monotonic() - asked)))  # a server that holds nothing answers at once

    def documents(self, *, status: str | None = None, limit: int | None = None) -> Iterator[Json]:
        """Newest first; `limit` None is all."""
        return self._listing("/v1/documents", {"status": status} if status else {}, limit)

    def search(self, query: str, limit: int | None = None) -> Iterator[Json]:
        return self._listing("/v1/search", {"q": query}, limit)

    def _listing(self, path: str, query: Mapping[str, str], limit: int | None) -> Iterator[Json]:
        cursor, left = None, limit
        while left is None or left > 0:
            size = {"limit": str(min(100, left or 100))}
            page = self._json("GET", _with(path, {**query, **size, **({"cursor": cursor} if cursor else {})}))
            yield from page["items"]
            left = None if left is None else left - len(page["items"])
            if not (cursor := page["next_cursor"]):
                return

    def content(self, document_id: str, form: str, page: int | None = None) -> Iterator[bytes]:
        """The recognised document in chunks, so that a long one never stands in memory whole."""
        query = {"format": form, **({"page": str(page)} if page else {})}
        response = self._request("GET", _of(document_id, "/content", query), stream=True)
        try:
            yield from response.stream(CHUNK)
        except HTTPError as exc:
            raise ClientError("server_unreachable", f"{self._url} broke off: {_reason(exc)}.") from exc
        finally:
            response.release_conn()

    def page(self, document_id: str, number: int) -> Json:
        """One page of content as JSON."""
        found: Json = json.loads(b"".join(self.content(document_id, "json", number)))["pages"][0]
        return found

    def reprocess(self, document_id: str, *, force: bool = False) -> Json:
        return self._json("POST", _of(document_id, "/reprocess"), {"ocr": "force"} if force else {})

    def cancel(self, document_id: str) -> Json:
        return self._json("POST", _of(document_id, "/cancel"))

    def delete(self, document_id: str) -> None:
        self._request("DELETE", _of(document_id))

    def ready(self) -> bool:
        """Whether the server and all its parts answer just now."""
        try:
            return self._pool.request("GET", f"{self._url}/readyz", timeout=3).status == 200
        except HTTPError:
            return False

    def _json(self, method: str, path: str, body: Json | None = None, headers: Mapping[str, str] | None = None) -> Json:
        response = self._request(method, path, body, headers)
        try:
            found = json.loads(response.data)
        except ValueError as exc:
            raise ClientError("not_docusnap", f"{self._url} does not answer like DocuSnap; check DOCUSNAP_URL.") from exc
        return found if isinstance(found, dict) else {}

    def _request(
        self, method: str, path: str, body: Json | None = None, headers: Mapping[str, str] | None = None, *, stream: bool = False
    ) -> urllib3.BaseHTTPResponse:
        headers = {**self._headers, **({"Content-Type": "application/json"} if body is not None else {}), **(headers or {})}
        data = None if body is None else json.dumps(body).encode()
        repeatable = method == "GET" or "Idempotency-Key" in headers
        deadline = time.monotonic() + self._patience
        while True:
            pause = 1.0
            try:
                response = self._pool.request(method, self._url + path, body=data, headers=headers, preload_content=not stream)
                if response.status < 300:
                    return response
                problem = _problem(response)
                again = response.status in _RETRIED
                pause = _retry_after(response.headers.get("Retry-After"))
            except HTTPError as exc:
                problem = ClientError("server_unreachable", f"{self._url} does not answer: {_reason(exc)}.")
                again = repeatable and not isinstance(exc, urllib3.exceptions.NewConnectionError)
            if not again or time.monotonic() + pause > deadline:
                raise problem
            time.sleep(pause)


def upload_request(path: Path, *, force: bool) -> Json:
    """The body that registers a file: its size and sha256 are read from the disk."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    name = path.name.encode("utf-8", "replace").decode()
    return {"filename": name, "content_type": kind, "size": size, "sha256": digest, "method": "PUT", "ocr": "force" if force else "auto"}


def idempotency_key(body: Json) -> str:
    """The same request always has the same key, and so the same document."""
    return f"cli-{hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()}"


def is_final(document: Json) -> bool:
    running = {"awaiting_upload", "queued", "processing"}
    newer = document.get("next_revision") or {}
    return document["status"] not in running and newer.get("status") not in running


def _of(document_id: str, rest: str = "", query: Mapping[str, str] | None = None) -> str:
    return _with(f"/v1/documents/{quote(document_id, safe='')}{rest}", query or {})


def _with(path: str, query: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def _unique(headers: Mapping[str, str]) -> dict[str, str]:
    """Header names in one case, so that none is sent twice."""
    return {name.title(): value for name, value in headers.items()}


def _problem(response: urllib3.BaseHTTPResponse) -> ClientError:
    try:
        found = json.loads(response.data)
        message = found.get("detail") or found.get("title") or ""
        return ClientError(str(found["code"]), str(message), response.status)
    except (ValueError, KeyError, TypeError, AttributeError):
        return ClientError(f"http_{response.status}", "The server answers without saying why; check DOCUSNAP_URL.", response.status)


def _retry_after(value: str | None) -> float:
    return min(30.0, float(value)) if value and value.isdigit() else 1.0


def _reason(exc: HTTPError) -> str:
    return str(exc).rpartition(": ")[2].strip(" .") or type(exc).__name__
