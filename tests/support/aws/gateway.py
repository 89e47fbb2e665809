"""API Gateway's REST API: HTTP → the proxy event of payload version 1.0 → HTTP, by the routes of template.yaml.

What it does by itself (no route, a function that failed, too long an answer) it does in the words of the template's GatewayResponses.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.support.aws.function import Call, serving
from tests.support.aws.template import Route

Invoke = Callable[[str, Any], Call]  # function's name, event
SECONDS = 29.0  # what an integration may take
BODY_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Found:
    function: str
    resource: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


def find(routes: Sequence[Route], method: str, path: str) -> Found | None:
    """The route of the most literal path that has the method, or ANY."""
    segments = path.strip("/").split("/")
    best: tuple[tuple[int, ...], str, str, Mapping[str, str]] | None = None
    for wanted, resource, function in routes:
        matched = _match(resource.strip("/").split("/"), segments)
        if matched is None or wanted not in (method, "ANY"):
            continue
        rank = (*(_rank(part) for part in resource.strip("/").split("/")), 0 if wanted == method else 1)
        if best is None or rank < best[0]:
            best = rank, function, resource, matched
    return Found(best[1], best[2], best[3]) if best else None


def _rank(part: str) -> int:
    return 2 if part.endswith("+}") else 1 if part.startswith("{") else 0


def _match(pattern: Sequence[str], segments: Sequence[str]) -> Mapping[str, str] | None:
    parameters: dict[str, str] = {}
    for at, part in enumerate(pattern):
        if part.endswith("+}"):
            rest = "/".join(segments[at:])
            return {**parameters, part[1:-2]: unquote(rest)} if rest else None
        if at >= len(segments):
            return None
        if part.startswith("{") and segments[at]:
            parameters[part[1:-1]] = unquote(segments[at])
        elif part != segments[at]:
            return None
    return parameters if len(pattern) == len(segments) else None


def event_of(found: Found, method: str, target: str, headers: Sequence[tuple[str, str]], body: bytes) -> dict[str, Any]:
    """The event of a request; without binary media types a body is text, whatever it is."""
    address = urlsplit(target)
    query = parse_qsl(address.query, keep_blank_values=True)
    request_id = str(uuid.uuid4())
    return {
        "resource": found.resource,
        "path": address.path,
        "httpMethod": method,
        "headers": dict(headers) or None,
        "multiValueHeaders": _several(headers) or None,
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": _several(query) or None,
        "pathParameters": dict(found.parameters) or None,
        "stageVariables": None,
        "requestContext": {
            "resourceId": "a1b2c3",
            "resourcePath": found.resource,
            "httpMethod": method,
            "extendedRequestId": request_id[:15],
            "requestId": request_id,
            "path": f"/prod{address.path}",
            "accountId": "000000000000",
            "protocol": "HTTP/1.1",
            "stage": "prod",
            "domainName": "abcdefghij.execute-api.us-east-1.amazonaws.com",
            "apiId": "abcdefghij",
            "identity": {"sourceIp": "127.0.0.1", "userAgent": dict(headers).get("User-Agent"), "accessKey": None, "caller": None},
        },
        "body": body.decode("utf-8", "replace") if body else None,
        "isBase64Encoded": False,
    }


def _several(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def answer_of(call: Call) -> Answer | None:
    """None where the function did not answer as a proxy integration must: API Gateway then says so itself."""
    result = call.answer
    if call.error or not isinstance(result, dict) or not isinstance(result.get("statusCode"), int):
        return None
    body = result.get("body") or ""
    headers = {**(result.get("headers") or {})}
    several = result.get("multiValueHeaders") or {}
    listed = [(name, str(value)) for name, value in headers.items() if name not in several]
    listed += [(name, str(value)) for name, values in several.items() for value in values]
    try:
        content = base64.b64decode(body) if result.get("isBase64Encoded") else body.encode()
    except (binascii.Error, AttributeError):
        return None
    return Answer(result["statusCode"], listed, content)


def own_answer(responses: Mapping[str, Any], kind: str, default: str) -> Answer:
    """One of the GatewayResponses."""
    given = responses.get(kind) or responses[default]
    headers = given["ResponseParameters"]["Headers"]
    (body,) = given["ResponseTemplates"].values()
    listed = [(name, value.strip("'")) for name, value in headers.items()]
    return Answer(int(given["StatusCode"]), listed, body.replace("$context.requestId", str(uuid.uuid4())).encode())


@dataclass(frozen=True, slots=True)
class Gateway:
    routes: Sequence[Route]
    responses: Mapping[str, Any]
    invoke: Invoke

    def answer(self, method: str, target: str, headers: Sequence[tuple[str, str]], body: bytes) -> Answer:
        if len(body) > BODY_BYTES:
            return own_answer(self.responses, "REQUEST_TOO_LARGE", "DEFAULT_4XX")
        found = find(self.routes, method, urlsplit(target).path)
        if found is None:
            return own_answer(self.responses, "MISSING_AUTHENTICATION_TOKEN", "DEFAULT_4XX")
        call = self.invoke(found.function, event_of(found, method, target, headers, body))
        if call.seconds > SECONDS:
            return own_answer(self.responses, "INTEGRATION_TIMEOUT", "DEFAULT_5XX")
        return answer_of(call) or own_answer(self.responses, "DEFAULT_5XX", "DEFAULT_5XX")


@contextmanager
def running_gateway(routes: Sequence[Route], responses: Mapping[str, Any], invoke: Invoke) -> Iterator[str]:
    """The address of the API, at a domain name of its own: without a stage in its paths."""
    gateway = Gateway(routes, responses, invoke)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Quiet."""

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = gateway.answer(self.command, self.path, list(self.headers.items()), body)
            self.send_response(answer.status)
            for name, value in answer.headers:
                if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _handle  # noqa: N815  the library's names

    with serving(Handler) as port:
        yield f"http://127.0.0.1:{port}"
