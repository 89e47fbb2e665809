"""A Chalice app with this API's manners: keys, problem documents, CORS. Safe under threads.

A plain Chalice object keeps the current request in one attribute, so that threads read each other's requests.
"""

from __future__ import annotations

import json
import logging
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalice.app import Chalice, ChaliceUnhandledError, Request, Response

from docusnap import errors
from docusnap.api import cors, openapi, problems
from docusnap.bootstrap import Parts
from docusnap.model import Caller, DocumentView, Scope

log = logging.getLogger(__name__)

LONGEST_KEY = 512  # characters; nothing longer is worth a look at the database

View = Callable[..., Response]


@dataclass(frozen=True, slots=True)
class ContextClock:
    """The `Clock` of a call, from what Lambda and the HTTP hosts call context."""

    context: Any

    def remaining(self) -> float:
        tell = getattr(self.context, "get_remaining_time_in_millis", None)
        return tell() / 1000 if tell else math.inf

    def stopping(self) -> bool:
        tell = getattr(self.context, "stopping", None)
        return bool(tell and tell())


@dataclass(frozen=True, slots=True)
class Call:
    """A request as a view sees it."""

    query: Mapping[str, str]  # the last value of each name
    headers: Mapping[str, str]  # names in any case
    body: bytes
    clock: ContextClock
    caller: Caller | None  # None only where the route takes no key
    document: DocumentView | None = None  # the one of the path, where the route had it read together with the key

    @property
    def tenant(self) -> str:
        if self.caller is None:
            raise errors.MissingKey
        return self.caller.tenant


class App(Chalice):
    """Routes are added with `call`; everything that goes wrong becomes a problem document."""

    def __init__(self, name: str, parts: Callable[[], Parts]) -> None:
        self._of_thread = threading.local()
        # An environment of its own: Chalice would tell boto3 that this is Lambda.
        super().__init__(app_name=name, configure_logs=False, env={})
        self._parts = parts
        self.api.binary_types = []  # answers are text; Chalice would look for these in every one
        self.register_middleware(self._answer, "http")

    @property
    def current_request(self) -> Request | None:
        request: Request | None = getattr(self._of_thread, "request", None)
        return request

    @current_request.setter
    def current_request(self, request: Request | None) -> None:
        self._of_thread.request = request

    @property
    def lambda_context(self) -> Any:
        return getattr(self._of_thread, "context", None)

    @lambda_context.setter
    def lambda_context(self, context: Any) -> None:
        self._of_thread.context = context

    def call(
        self, methods: Sequence[str], path: str, *, scope: Scope | None = Scope.USER, with_document: bool = False
    ) -> Callable[[View], View]:
        """Route a view, which gets the `Call` and the path's parameters; `scope` None: no key is asked for.

        `with_document`: the document of the path is read together with the key, in one question to the database.
        """

        def add(view: View) -> View:
            def run(**parameters: str) -> Response:
                try:
                    return view(self._call(scope, parameters["id"] if with_document else None), **parameters)
                except Exception as exc:
                    # Chalice answers other errors itself; this one it passes on to `_answer`.
                    raise ChaliceUnhandledError from exc

            self._register_handler("route", f"{view.__name__}", run, run, {"path": path, "kwargs": _plain(methods)})
            return view

        return add

    def _call(self, scope: Scope | None, document_id: str | None) -> Call:
        request = self.current_request
        if request is None:
            raise errors.NotFound
        names: Mapping[str, str] = request.query_params or {}
        body = request.raw_body
        caller, document = (None, None) if scope is None else self._authenticate(request, scope, document_id)
        return Call(
            query={name: names[name] for name in names},
            headers=request.headers,
            body=body if isinstance(body, bytes) else body.encode("utf-8"),
            clock=ContextClock(self.lambda_context),
            caller=caller,
            document=document,
        )

    def _authenticate(self, request: Request, scope: Scope, document_id: str | None) -> tuple[Caller, DocumentView | None]:
        secret = bearer(request.headers.get("authorization"))
        if secret is None:
            raise errors.MissingKey
        caller, document = self._look(secret, document_id) if len(secret) <= LONGEST_KEY else (None, None)
        if caller is None:
            raise errors.Unauthorized
        if scope not in caller.scopes:
            raise errors.Forbidden(f"The API key does not have the scope {scope}.")
        return caller, document

    def _look(self, secret: str, document_id: str | None) -> tuple[Caller | None, DocumentView | None]:
        ledger = self._parts().ledger
        return (ledger.authenticate(secret), None) if document_id is None else ledger.document_of_key(secret, document_id)

    def _answer(self, request: Request | None, get_response: Callable[[Any], Response]) -> Response:
        try:
            self._check_route(request)
            response = get_response(request)
        except ChaliceUnhandledError as exc:
            response = _problem(exc.__cause__ or exc, _id_of(request))
        except Exception as exc:  # noqa: BLE001  whatever it is, the client gets a problem document
            response = _problem(exc, _id_of(request))
        common = self._common_headers(request)
        vary = [str(headers["Vary"]) for headers in (response.headers, common) if "Vary" in headers]
        if (link := str(response.headers.get("Location", ""))).startswith("/"):
            response.headers["Location"] = _stage_of(request) + link
        response.headers.update({**common, **({"Vary": ", ".join(vary)} if vary else {})})
        return response

    def _check_route(self, request: Request | None) -> None:
        template = request.path if request else ""
        allowed = openapi.methods(template)
        if request is None or not allowed:
            raise errors.NotFound
        if request.method not in allowed or request.method not in self.routes.get(template, {}):
            raise errors.MethodNotAllowed(allow=allowed)

    def _common_headers(self, request: Request | None) -> Mapping[str, str]:
        fixed = {"X-Content-Type-Options": "nosniff", **({"X-Request-Id": identity} if (identity := _id_of(request)) else {})}
        try:
            allowed = self._parts().settings.cors_origins
        except errors.ConfigurationError:
            return fixed
        return {**fixed, **cors.headers(allowed, request.headers.get("origin") if request else None)}


def bearer(header: str | None) -> str | None:
    """The credentials after the scheme, in any case; None for another scheme or nothing after it."""
    scheme, _, credentials = (header or "").strip().partition(" ")
    return credentials.strip() or None if scheme.lower() == "bearer" else None


def add_options(app: App, templates: Sequence[str]) -> None:
    """Answer OPTIONS on these paths without a key."""
    for template in templates:

        def options(_: Call, allowed: Sequence[str] = openapi.methods(template), **__: str) -> Response:
            return Response("", {"Allow": ", ".join(allowed), **cors.preflight(allowed)}, 204)

        app.call(["OPTIONS"], template, scope=None)(options)


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer about a tenant's documents, which no cache may keep."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Response(body, {"Content-Type": "application/json", "Cache-Control": "no-store", **(headers or {})}, status)


def _plain(methods: Sequence[str]) -> dict[str, Any]:
    # No content types: a body is read as JSON whatever curl calls it.
    return {"methods": list(methods), "content_types": []}


def _stage_of(request: Request | None) -> str:
    """What API Gateway puts before a path: the stage, or the base path of a domain. Only paths without parameters are linked from."""
    whole = str(request.context.get("path", "")) if request else ""
    return whole.removesuffix(request.path) if request and whole.endswith(request.path) else ""


def _id_of(request: Request | None) -> str | None:
    return str(request.context["requestId"]) if request and request.context.get("requestId") else None


def _problem(exc: BaseException, request_id: str | None) -> Response:
    known = exc if isinstance(exc, errors.DocuSnapError) else errors.DocuSnapError()
    if known.http_status == errors.DocuSnapError.http_status:
        log.error("a request failed", exc_info=exc, extra={"request_id": request_id})
        known = type(known)()  # what exactly is wrong here is no client's business
    answer = problems.answer(known, request_id)
    return Response(answer.body, {"Cache-Control": "no-store", **answer.headers}, answer.status)
