"""A double of OpenFaaS's gateway with its provider's proxy, before one function: what they were measured to do, and nothing else.

Measured once on the gateway's source of 2026-07-02 with the real provider proxy: `/function/NAME/path?query` reaches the function
as `/path?query`, `%2F` decoded; all methods and `Authorization` pass; `Host` is the function's own, the caller's is in
`X-Forwarded-Host` unless there is one already (read in its source), and so is its address, with a port, in `X-Forwarded-For`; `X-Call-Id`
and `X-Start-Time` are added; bodies are chunked; status, Retry-After and body of 429 and 503 pass; past `upstream_timeout` 502; where the
function's connection is cut a POST becomes 500
and a GET is sent again until the gateway gives up; a caller who hangs up cancels the call; `/async-function/` is 404 without NATS.

    upstream_url=http://127.0.0.1:8081 port=8080 upstream_timeout=65 python -m tests.conformance.doubles.gateway
"""

from __future__ import annotations

import os
import sys
import time
import uuid
from urllib.parse import quote, unquote, urlsplit

from tests.conformance.doubles.wire import Answer, CutOff, Handler, HungUp, Server, TooLate, plain, send_on

UPSTREAM = os.environ.get("upstream_url", "")  # noqa: SIM112  the gateway's own names are in small letters
TIMEOUT = float(os.environ.get("upstream_timeout", "65"))  # noqa: SIM112
AGAIN_SECONDS = 0.05  # between two tries


class Gateway(Handler):
    def answer(self) -> None:
        body = self.whole_body()
        path, _, query = self.path.partition("?")
        _, kind, *rest = path.split("/", 3)
        if kind != "function" or not rest:
            return self.reply(plain(404))
        inner = "/" + quote(unquote(rest[1] if len(rest) > 1 else ""), safe="/:@!$&'()*+,;=~")
        try:
            return self.reply(self._call(inner + (f"?{query}" if query else ""), body))
        except HungUp:
            return self.cut()

    def _call(self, path: str, body: bytes) -> Answer:
        ends, headers = time.monotonic() + TIMEOUT, self._headers()
        while True:
            try:
                return send_on(self, UPSTREAM, path, headers, body, seconds=ends - time.monotonic())
            except TooLate:
                return plain(502)
            except CutOff:
                if self.command not in {"GET", "HEAD", "OPTIONS"}:
                    return plain(500)
                if time.monotonic() > ends:
                    return plain(502)
                time.sleep(AGAIN_SECONDS)

    def _headers(self) -> list[tuple[str, str]]:
        given = [(name, value) for name, value in self.end_to_end() if name.lower() != "host"]
        names = {name.lower() for name, _ in given}
        added = {
            "X-Forwarded-Host": self.headers.get("Host", ""),
            "X-Forwarded-For": f"{self.client_address[0]}:{self.client_address[1]}",
            "X-Call-Id": str(uuid.uuid4()),
            "X-Start-Time": str(time.time_ns()),
        }
        own = urlsplit(UPSTREAM).netloc
        return [("Host", own), *given, *((name, value) for name, value in added.items() if name.lower() not in names)]

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = answer  # noqa: N815  the base class's names


if __name__ == "__main__":
    sys.exit(Server(int(os.environ["port"]), Gateway).serve_forever(0.05))  # noqa: SIM112
