"""Wakes by HTTP: posted from a few threads that keep the connection open until the answer."""

from __future__ import annotations

import json
import logging
import queue
import threading
import time

import urllib3

log = logging.getLogger(__name__)

THREADS = 4
WAITING = 16  # a wake more than that is dropped: those before it find the same work
QUIET = 0.05  # seconds after a call found that as many as may are at work: one wake at its end stands for all that may be one
TIMEOUT = urllib3.Timeout(
    connect=3, read=170
)  # seconds; a call of `ocr` begins its last page after 50 s, holds it for 80, and has 20 to write it down


class HttpWaker:
    """Posts to `OCR_URL`; returns at once and never raises. A caller who hung up would cancel the call on OpenFaaS, so nobody does.

    What waits when the process ends is lost, which costs until the next wake or sweep; `flush` first where that is too long.
    """

    def __init__(self, url: str | None) -> None:
        """With no URL nothing is sent: sweep alone, or somebody else, wakes."""
        self._url = url
        # Proxies of the environment are not asked. Each wake has a connection of its own: an idle one may be closed by the other side
        # just when the next wake is sent.
        self._pool = urllib3.PoolManager(maxsize=THREADS, timeout=TIMEOUT, retries=False, headers={"Connection": "close"})
        self._queue: queue.Queue[bool] = queue.Queue(WAITING)  # whether it may be the same as another
        self._lock, self._threads = threading.Lock(), 0
        self._quiet_until, self._last = 0.0, threading.Lock()  # who holds it waits for the end of the quiet

    def wake(self, count: int | None = None) -> None:
        """Start so many calls soon, if not enough wait already. See ports.Waker."""
        if self._url is None:
            return
        self._start()
        calls = 1 if count is None else count
        for sent in range(calls):
            try:
                self._queue.put_nowait(count is None)
            except queue.Full:
                log.info("wakes were dropped: enough are under way", extra={"dropped": calls - sent})
                return

    def flush(self, seconds: float) -> bool:
        """Wait until every wake was answered or given up, at most so many seconds; returns whether they were."""
        with self._queue.all_tasks_done:
            return self._queue.all_tasks_done.wait_for(lambda: not self._queue.unfinished_tasks, seconds)

    def _start(self) -> None:
        with self._lock:
            while self._threads < THREADS:
                try:
                    threading.Thread(target=self._post_for_ever, name="waker", daemon=True).start()
                except RuntimeError:  # the process may have no more threads
                    log.warning("no thread could be started for wakes")
                    return
                self._threads += 1

    def _post_for_ever(self) -> None:
        while True:
            may_be_one = self._queue.get()
            try:
                if not may_be_one or self._is_needed():
                    self._post()
            except Exception as exc:  # noqa: BLE001  a thread that died would take its place in the pool with it
                log.warning("a wake was lost", extra={"reason": type(exc).__name__})
            finally:
                self._queue.task_done()

    def _is_needed(self) -> bool:
        """At once, or at the end of the quiet; False where another waits for that, and will find what this one was for."""
        if (rest := self._quiet_until - time.monotonic()) <= 0:
            return True
        if not self._last.acquire(blocking=False):
            return False
        try:
            time.sleep(rest)
        finally:
            self._last.release()
        return True

    def _post(self) -> None:
        answer = self._pool.request("POST", self._url or "", json={}, redirect=False)
        if _was_full(answer.data):
            self._quiet_until = time.monotonic() + QUIET
        if answer.status >= 300 and answer.status not in {429, 503}:  # these two say that enough are at work
            log.warning("a wake was refused", extra={"status": answer.status})


def _was_full(body: bytes) -> bool:
    """What `ocr` itself says. A platform's refusal tells of one container, and others may have room."""
    try:
        return json.loads(body)["full"] is True
    except (ValueError, TypeError, KeyError):
        return False
