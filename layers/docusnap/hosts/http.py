"""WSGI ↔ the one calling convention: a request becomes `handler(event, context)`, its result an answer. One translation each way."""

from __future__ import annotations

import base64
import json
import logging
import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any
from urllib.parse import parse_qs, urlsplit

from gunicorn.http.errors import ParseException

from docusnap import errors
from docusnap.api import openapi, problems
from docusnap.hosts import connection, stop
from docusnap.hosts.stop import Deadline

log = logging.getLogger(__name__)

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]
Handler = Callable[[Any, Any], Any]
Network = IPv4Network | IPv6Network

BODY_BYTES = 1_000_000  # read at most, unless the operator set MAX_JSON_BYTES
CHUNK = 1 << 16
ANSWER_SECONDS = 60.0  # how long an HTTP call may go on
ROUTE = "docusnap.route"  # in the WSGI environ: what logs and metrics call this request; never its path, which may hold a token
REQUEST_ID = "docusnap.request_id"
NO_BODY = frozenset({204, 303, 304})


def default_limit() -> int:
    return BODY_BYTES


def api_host(app: Handler, limit: Callable[[], int] = default_limit, trusted: Callable[[], Sequence[Network]] = tuple) -> Application:
    """Serve an app that takes REST v1 payloads; `/_/health` and `/_/ready` are the host's own. Links are the `trusted` proxies'.

    Of a body longer than `limit` the app gets one byte too many, so that it is the app who refuses it, after the key and with its CORS.
    """

    def application(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        route = openapi.route(path_of(environ))
        environ[ROUTE] = route.template
        if is_probe(environ):
            return answer_probe(environ, start)
        event = event_of(environ, route, limit())
        with Deadline(ANSWER_SECONDS, event["requestContext"]["requestId"]) as context:
            result = app(event, context)
        return _answer(environ, start, result, base_url(environ, trusted()))

    return guarded(application)


def json_host(handler: Handler, seconds: float) -> Application:
    """Serve a function that takes JSON by POST, on any path: 2xx done, 429 and 5xx try again. `seconds` is the time of one call."""

    def application(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        environ[ROUTE] = "/"
        if is_probe(environ):
            return answer_probe(environ, start)
        if environ["REQUEST_METHOD"] != "POST":
            raise errors.MethodNotAllowed(allow=("POST",))
        event = _json_of(_whole(read_body(environ, BODY_BYTES)))
        if stop.told():
            raise errors.Interrupted  # it would begin nothing, and 200 says that it was done
        with Deadline(seconds, request_id(environ)) as context:
            result = handler(event, context)
        return respond(environ, start, 200, {"Content-Type": "application/json"}, json.dumps(result).encode())

    return guarded(application)


def guarded(application: Application) -> Application:
    """Whatever goes wrong becomes a problem document: a traceback is for the log only, and gunicorn's own would show the path."""

    def guard(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        try:
            return application(environ, start)
        except Exception as exc:
            known = exc if isinstance(exc, errors.DocuSnapError) else errors.DocuSnapError()
            if known.http_status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                log.exception("a request failed", extra={"request_id": request_id(environ)})
            return refuse(environ, start, known)

    return guard


def refuse(environ: Environ, start: StartResponse, exc: errors.DocuSnapError) -> Iterable[bytes]:
    """Answer with the error's problem document."""
    answer = problems.answer(exc, request_id(environ))
    return respond(environ, start, answer.status, answer.headers, answer.body.encode())


def is_probe(environ: Environ) -> bool:
    """of-watchdog's and Knative's questions."""
    if environ["REQUEST_METHOD"] not in {"GET", "HEAD"} or environ.get("PATH_INFO") not in {"/_/health", "/_/ready"}:
        return False
    environ[ROUTE] = environ["PATH_INFO"]
    return True


def answer_probe(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    return respond(environ, start, 200, {"Content-Type": "application/json"}, b'{"status":"ok"}')


def base_url(environ: Environ, trusted: Sequence[Network]) -> str:
    """What the client's address began with, as a trusted proxy tells it; empty where there is none: links then begin with a slash."""
    host = environ.get("HTTP_X_FORWARDED_HOST", "")
    if not re.fullmatch(r"[A-Za-z0-9.:\[\]_-]+", host) or not _is_trusted(environ.get("REMOTE_ADDR", ""), trusted):
        return ""
    scheme = "https" if environ.get("HTTP_X_FORWARDED_PROTO") == "https" else "http"
    prefix = environ.get("HTTP_X_FORWARDED_PREFIX", "").rstrip("/")
    return f"{scheme}://{host}{prefix if re.fullmatch(r'(/[A-Za-z0-9._~-]+)+', prefix) else ''}"


def _is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    try:
        return any(ip_address(address) in network for network in trusted)
    except ValueError:  # a Unix socket has no address
        return False


def event_of(environ: Environ, route: openapi.Route, limit: int) -> dict[str, Any]:
    """A request as API Gateway's REST API (payload 1.0) tells it to a function."""
    method = environ["REQUEST_METHOD"]
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True, errors="replace")
    body = read_body(environ, limit)
    return {
        "resource": route.template,
        "path": path_of(environ),
        "httpMethod": method,
        "headers": headers_of(environ),
        "multiValueQueryStringParameters": query or None,
        "pathParameters": dict(route.parameters) or None,
        "stageVariables": None,
        "requestContext": {"httpMethod": method, "resourcePath": route.template, "requestId": request_id(environ), "identity": {}},
        "body": base64.b64encode(body).decode("ascii") if body else None,
        "isBase64Encoded": bool(body),
    }


def path_of(environ: Environ) -> str:
    """The path as it was sent, since WSGI's own has lost which slashes were encoded."""
    raw = environ.get("RAW_URI")
    if not raw:
        return str(environ.get("PATH_INFO", ""))
    try:
        return urlsplit(raw).path if not raw.startswith("/") else raw.partition("?")[0]
    except ValueError:
        return ""


def headers_of(environ: Environ) -> dict[str, str]:
    names = {key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")}
    plain = {"content-type": environ.get("CONTENT_TYPE"), "content-length": environ.get("CONTENT_LENGTH")}
    return {**names, **{name: value for name, value in plain.items() if value}}


def read_body(environ: Environ, limit: int) -> bytes:
    """The body, chunked or not. One longer than `limit` is only there to be refused: it comes as one byte too many, whatever its bytes are.

    Raises: RequestTimeout, MalformedRequest.
    """
    length = _announced(environ)
    refused_unread = length is not None and length > limit
    body = bytes(limit + 1) if refused_unread else _read(environ, length, limit + 1)
    if len(body) > limit:
        _connection(environ).abandon()
    return body


def _announced(environ: Environ) -> int | None:
    """How many bytes there are to read, None for chunks: without either there are none, and some servers' streams would wait for one."""
    if environ.get("HTTP_TRANSFER_ENCODING"):
        return None
    text = environ.get("CONTENT_LENGTH") or "0"
    return int(text) if text.isascii() and text.isdigit() else 0


def _read(environ: Environ, length: int | None, at_most: int) -> bytes:
    stream, body, wanted = environ["wsgi.input"], bytearray(), at_most if length is None else length
    client = _connection(environ)
    client.allow(connection.BODY_SECONDS)
    try:
        while len(body) < wanted and (chunk := stream.read(min(CHUNK, wanted - len(body)))):
            body += chunk
    except TimeoutError as exc:
        client.abandon()
        raise errors.RequestTimeout from exc
    except (OSError, ParseException) as exc:  # it broke off, or a chunk is none
        client.abandon()
        raise errors.MalformedRequest from exc
    if length is not None and len(body) < length:
        client.abandon()
        raise errors.MalformedRequest
    return bytes(body)


class _Plain:
    """The connection of a server that bounds the time of its reads by itself."""

    def allow(self, seconds: float) -> None:
        """Nothing to bound here."""

    def abandon(self) -> None:
        """Nothing to end here."""


def _connection(environ: Environ) -> connection.Connection | _Plain:
    client = environ.get("gunicorn.socket")
    return client if isinstance(client, connection.Connection) else _Plain()


def _whole(body: bytes) -> bytes:
    if len(body) > BODY_BYTES:
        raise errors.BodyTooLarge
    return body


def _json_of(body: bytes) -> Any:
    try:
        return json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError) as exc:
        raise errors.MalformedJson from exc


def request_id(environ: Environ) -> str:
    """The caller's own, or the call's on OpenFaaS, where it is a harmless word, so that logs along the way can be joined."""
    if REQUEST_ID not in environ:
        given = environ.get("HTTP_X_REQUEST_ID") or environ.get("HTTP_X_CALL_ID", "")
        environ[REQUEST_ID] = given if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", given) else f"{random.getrandbits(128):032x}"
    return str(environ[REQUEST_ID])


def _answer(environ: Environ, start: StartResponse, result: Mapping[str, Any], base: str) -> Iterable[bytes]:
    body = result.get("body") or ""
    raw = base64.b64decode(body) if result.get("isBase64Encoded") else body.encode("utf-8", "replace")
    several = {name: ", ".join(values) for name, values in (result.get("multiValueHeaders") or {}).items()}
    headers = {**(result.get("headers") or {}), **several}
    if headers.get("Location", "").startswith("/"):
        headers["Location"] = base + headers["Location"]
    return respond(environ, start, result["statusCode"], headers, raw)


def respond(environ: Environ, start: StartResponse, status: int, headers: Mapping[str, str], body: bytes) -> Iterable[bytes]:
    """Send an answer; HEAD gets the same headers and no body."""
    length = {} if status in NO_BODY and not body and status != HTTPStatus.SEE_OTHER else {"Content-Length": str(len(body))}
    sent = {"X-Request-Id": request_id(environ), **headers, **length}
    start(f"{status} {HTTPStatus(status).phrase}", list(sent.items()))
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
