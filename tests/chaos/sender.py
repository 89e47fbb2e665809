"""Clients that upload by presigned URLs and, like any honest client, send again what was not answered."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import minio
import requests
import urllib3

from tests.acceptance.homes.embedded_home import EmbeddedHome
from tests.chaos.documents import Paper

PATIENCE = 90.0  # seconds in which an upload must have been taken, whatever happens meanwhile
ANSWER = (3, 8)  # seconds to connect, and between two bytes of an answer
CLIENTS = 4


@dataclass
class Sender:
    """Sends papers side by side; knows which are under way, and how often something had to be sent again."""

    home: EmbeddedHome
    sent: dict[str, str] = field(default_factory=dict)  # document by name; foreign ones get theirs from the list
    put_at: dict[str, float] = field(default_factory=dict)  # when the store had taken the bytes
    repeats: list[float] = field(default_factory=list)  # moments
    under_way: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(CLIENTS))
    _futures: list[Future[None]] = field(default_factory=list)

    def send(self, papers: Sequence[Paper]) -> None:
        """Begin to send; returns at once."""
        self._futures += [self._pool.submit(self._send, paper) for paper in papers]

    def finish(self) -> None:
        """Return when all are sent. Raises: what went wrong with one."""
        for future in self._futures:
            future.result(timeout=2 * PATIENCE)
        self._pool.shutdown()

    def repeated_since(self, moment: float) -> int:
        return sum(repeat >= moment for repeat in list(self.repeats))

    def register(self, paper: Paper) -> dict[str, Any]:
        """A ticket; the Idempotency-Key makes it one document, however often this is asked."""
        body = {"filename": paper.name, "content_type": "application/octet-stream", "method": "PUT", "size": len(paper.body)}
        headers = {"Authorization": f"Bearer {self.home.key}", "Idempotency-Key": paper.name}
        asked = {**body, **({"sha256": paper.sha256} if paper.sha256 else {})}
        answer = self._insist(lambda: requests.post(f"{self.home.api}/v1/documents", json=asked, headers=headers, timeout=ANSWER))
        created: dict[str, Any] = answer.json()
        self.sent[paper.name] = created["id"]
        return created

    def put(self, paper: Paper, ticket: dict[str, Any]) -> None:
        if upload := ticket.get("upload"):  # else a first PUT, whose answer was lost, has arrived
            self._insist(lambda: requests.put(upload["url"], headers=upload["headers"], data=paper.body, timeout=ANSWER))
        self.put_at[paper.name] = time.time()

    def _send(self, paper: Paper) -> None:
        with self._lock:
            self.under_way += 1
        try:
            if paper.foreign:
                self._insist(lambda: self._put_foreign(paper))
                self.put_at[paper.name] = time.time()
            else:
                self.put(paper, self.register(paper))
        finally:
            with self._lock:
                self.under_way -= 1

    def _put_foreign(self, paper: Paper) -> None:
        keys = self.home.s3_keys
        pool = urllib3.PoolManager(timeout=urllib3.Timeout(*ANSWER), retries=False)
        client = minio.Minio(
            f"127.0.0.1:{self.home.s3_port}", keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], secure=False, http_client=pool
        )
        client.put_object(keys["S3_BUCKET"], f"incoming/{paper.name}", io.BytesIO(paper.body), len(paper.body))

    def _insist(self, call: Any) -> Any:
        """Again for as long as it is not answered, or with 429 or 5xx; any other refusal is an error of the test's."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                answer = call()
                if answer is None or answer.ok or answer.status_code == 412:  # 412: it is there already
                    return answer
                reason = f"{answer.status_code} {answer.text[:200]}"
                assert answer.status_code == 429 or answer.status_code >= 500, reason
            except (requests.RequestException, urllib3.exceptions.HTTPError, minio.error.MinioException) as exc:
                reason = repr(exc)
            assert time.monotonic() < deadline, f"not taken within {PATIENCE:.0f} s: {reason}"
            self.repeats.append(time.time())
            time.sleep(0.5)
