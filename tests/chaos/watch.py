"""Somebody who asks the API ten times a second, and writes down when it did not answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import requests

EVERY = 0.1  # seconds
ANSWER = 2.0  # seconds that a reader waits


class Watch:
    """The moments at which a list of documents was asked for, and whether it came."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._headers = f"{url}/v1/documents?limit=1", {"Authorization": f"Bearer {key}"}
        self._seen: list[tuple[float, float, bool]] = []
        self._end = threading.Event()

    def away(self, begins: float, ends: float) -> float:
        """Seconds from the first question in this time that was not answered to the end of the last one; 0 where all were."""
        failed = [
            (asked, done)
            for asked, done, answered in list(self._seen)
            if begins - ANSWER <= asked <= ends and done > begins and not answered
        ]
        return max(0.0, failed[-1][1] - max(begins, failed[0][0])) if failed else 0.0

    def _look(self) -> None:
        while not self._end.wait(EVERY):
            asked = time.time()
            try:
                answered = requests.get(self._url, headers=self._headers, timeout=ANSWER).status_code == 200
            except requests.RequestException:
                answered = False
            self._seen.append((asked, time.time(), answered))

    @contextmanager
    def kept(self) -> Iterator[None]:
        thread = threading.Thread(target=self._look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._end.set()
            thread.join()
