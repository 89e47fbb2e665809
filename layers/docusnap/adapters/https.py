"""A small document by HTTPS: bounded in time and size, no redirect followed, no proxy of the environment asked."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass

from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

CHUNK = 1 << 13  # bytes
CONNECT_SECONDS, READ_SECONDS = 3.0, 4.0


class Unreachable(Exception):
    """The other side does not answer, not in time, or with more than it should."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


class HttpsClient:
    """GETs documents of at most `size` bytes within about `seconds`. Safe under threads; connects at the first call."""

    def __init__(self, *, size: int, seconds: float, context: ssl.SSLContext | None = None) -> None:
        self._size, self._seconds = size, seconds
        self._pool = PoolManager(num_pools=4, maxsize=4, ssl_context=context or ssl.create_default_context())

    def get(self, url: str) -> Answer:
        """Raises: Unreachable."""
        ends = time.monotonic() + self._seconds
        timeout = Timeout(connect=min(CONNECT_SECONDS, self._seconds), read=min(READ_SECONDS, self._seconds))
        try:
            response = self._pool.request("GET", url, redirect=False, retries=False, timeout=timeout, preload_content=False)
            try:
                return Answer(response.status, self._read(response, ends))
            finally:
                response.close()
        except (HTTPError, OSError) as exc:
            raise Unreachable(str(exc)) from exc

    def _read(self, response: BaseHTTPResponse, ends: float) -> bytes:
        body = bytearray()
        while chunk := response.read1(CHUNK, decode_content=False):  # read() would wait for a full chunk, however slowly it drips in
            body += chunk
            if len(body) > self._size:
                raise Unreachable("the answer is too long")
            if time.monotonic() > ends:
                raise Unreachable("the answer is too slow")
        return bytes(body)
