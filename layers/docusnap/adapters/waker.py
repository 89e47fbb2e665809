"""Wakes by HTTP: posted from a few threads that keep the connection open until the answer."""

from __future__ import annotations

import logging
import queue
import threading

import urllib3

log = logging.getLogger(__name__)

THREADS = 4
WAITING = 16  # a wake more than that is dropped: those before it find the same work
TIMEOUT = urllib3.Timeout(connect=3, read=150)  # a call of `ocr` works for 50 s and may finish a page of 60 s


class HttpWaker:
    """Posts to `OCR_URL`; returns at once and never raises. A caller who hung up would cancel the call on OpenFaaS, so nobody does."""

    def __init__(self, url: str | None) -> None:
        """With no URL nothing is sent: sweep alone, or somebody else, wakes."""
        self._url = url
        self._pool = urllib3.PoolManager(maxsize=THREADS, timeout=TIMEOUT, retries=False)
        self._queue: queue.Queue[None] = queue.Queue(WAITING)
        self._lock, self._threads = threading.Lock(), 0

    def wake(self, count: int = 1) -> None:
        if self._url is None:
            return
        self._start()
        for _ in range(count):
            try:
                self._queue.put_nowait(None)
            except queue.Full:
                log.info("a wake was dropped: enough are under way")
                return

    def _start(self) -> None:
        with self._lock:
            while self._threads < THREADS:
                threading.Thread(target=self._post_for_ever, name="waker", daemon=True).start()
                self._threads += 1

    def _post_for_ever(self) -> None:
        while True:
            self._queue.get()
            try:
                self._pool.request("POST", self._url or "", json={})
            except urllib3.exceptions.HTTPError as exc:
                log.warning("a wake was lost", extra={"reason": type(exc).__name__})
