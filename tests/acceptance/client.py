"""The holder of one API key, who knows the HTTP API and nothing else."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import requests

Json = dict[str, Any]

RUNNING = {"awaiting_upload", "queued", "processing"}


@dataclass(frozen=True, slots=True)
class Client:
    """One key at one address; `patience` in seconds bounds every wait."""

    api: str
    key: str
    patience: float

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.key}"}
        return requests.request(method, f"{self.api}/v1{path}", headers=headers, timeout=40, allow_redirects=False, **options)

    def get(self, path: str, **query: Any) -> Json:
        """The answer to a GET that must succeed."""
        answer = self.ask("GET", path, params=query)
        assert answer.status_code == 200, f"GET {path}: {answer.status_code} {answer.text}"
        found: Json = answer.json()
        return found

    def status_of(self, path: str, method: str = "GET") -> tuple[int, str]:
        """The status of an answer, and the code of its problem; no code where there is none."""
        answer = self.ask(method, path)
        problem = answer.json() if "problem" in answer.headers.get("Content-Type", "") else {}
        return answer.status_code, problem.get("code", "")

    def register(self, filename: str, size: int, **members: Any) -> Json:
        """A new document with its upload."""
        asked = {"filename": filename, "content_type": "application/octet-stream", "size": size, **members}
        answer = self.ask("POST", "/documents", json=asked)
        assert answer.status_code == 201, answer.text
        created: Json = answer.json()
        return created

    def send(self, filename: str, body: bytes, **members: Any) -> str:
        """Register a document and upload its bytes as it says; the document's id."""
        created = self.register(filename, len(body), **members)
        answer = upload(created["upload"], body)
        assert answer.ok, answer.text
        return str(created["id"])

    def settled(self, document: str) -> Json:
        """The document once nothing of it is under way."""
        deadline = time.monotonic() + self.patience
        while True:
            found = self.get(f"/documents/{document}", wait=5)
            newer = found.get("next_revision") or {}
            if found["status"] not in RUNNING and newer.get("status") not in RUNNING:
                return found
            assert time.monotonic() < deadline, f"not settled within {self.patience:.0f} s: {found}"
            time.sleep(0.1)  # a host whose waiters are many answers at once

    def text(self, document: str, **query: Any) -> str:
        answer = self.ask("GET", f"/documents/{document}/content", params={"format": "text", **query})
        assert answer.status_code == 200, answer.text
        return answer.content.decode()

    def original(self, document: str) -> requests.Response:
        """What the link to the original leads to."""
        answer = self.ask("GET", f"/documents/{document}/original")
        assert answer.status_code == 303, answer.text
        return requests.get(answer.headers["Location"], timeout=40)

    def hits(self, query: str) -> list[Json]:
        found: list[Json] = self.get("/search", q=query, limit=100)["items"]
        return found

    def named(self, filename: str) -> list[Json]:
        """The documents of this name, of the hundred newest."""
        return [item for item in self.get("/documents", limit=100)["items"] if item["filename"] == filename]


def upload(ticket: Json, body: bytes, timeout: float = 40) -> requests.Response:
    """Send the bytes exactly as an `upload` says."""
    if ticket["method"] == "POST":
        return requests.post(ticket["url"], data=ticket["fields"], files={"file": body}, timeout=timeout)
    return requests.put(ticket["url"], headers=ticket["headers"], data=body, timeout=timeout)
