"""The `query` function over HTTP: GET and HEAD."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from functools import cache
from importlib import resources

from chalice.app import Response

from docusnap import errors
from docusnap.api import formats, openapi, parameters, shapes
from docusnap.api.app import App, Call, json_response
from docusnap.bootstrap import Parts
from docusnap.model import Scope
from docusnap.query import Queries

GET = ["GET", "HEAD"]
DOCUMENT = "/v1/documents/{id}"
WAITS = 8  # requests of one process that may be held at once: half of the embedded gateway's threads


def create_app(parts: Callable[[], Parts], *, waits: int = WAITS, max_response_bytes: int | None = None) -> App:
    """The app that Lambda calls as its handler; nothing is built before the first request.

    `max_response_bytes` is what the host can send at most, as `_sent` counts: None is any size, Lambda's is 6 MB.
    """
    app = App("query", parts)

    @cache
    def stage() -> Queries:
        p = parts()
        # Half of what is answered at once may wait: the others still get their lists and texts.
        held = min(waits, (p.settings.max_inflight or 2 * waits) // 2)
        return Queries(ledger=p.ledger, store=lambda: p.store, settings=p.settings, waits=held)

    _add_documents(app, stage)
    _add_content(app, stage, max_response_bytes)
    _add_dead_letters(app, stage)
    _add_operation(app, stage)
    return app


def _add_documents(app: App, stage: Callable[[], Queries]) -> None:
    @app.call(GET, "/v1/documents")
    def documents(call: Call) -> Response:
        q = call.query
        listing = stage().documents(call.tenant, parameters.status(q), parameters.limit(q), parameters.cursor(q))
        return json_response(shapes.documents(listing))

    @app.call(GET, DOCUMENT, with_document=True)
    def document(call: Call, id: str) -> Response:  # noqa: A002, ARG001  the path's name for it
        wait = parameters.wait(call.query)
        if call.document is None:
            raise errors.DocumentNotFound
        return json_response(shapes.document(stage().settled(call.document, wait, call.clock)))

    @app.call(GET, "/v1/search")
    def search(call: Call) -> Response:
        q = call.query
        listing = stage().search(call.tenant, parameters.search(q), parameters.limit(q), parameters.cursor(q))
        return json_response(shapes.hits(listing))


def _add_content(app: App, stage: Callable[[], Queries], max_response_bytes: int | None) -> None:
    @app.call(GET, f"{DOCUMENT}/content")
    def content(call: Call, id: str) -> Response:  # noqa: A002
        form = formats.choose(call.query.get("format"), call.headers.get("accept"))
        view = stage().content(call.tenant, id, parameters.page(call.query))
        response = _json_text(shapes.content(view)) if form == "json" else _plain_text(shapes.text(view.pages))
        response.headers["Vary"] = "Accept"
        if max_response_bytes is not None and _sent(response.body) > max_response_bytes:
            raise errors.ContentTooLarge
        return response

    @app.call(GET, f"{DOCUMENT}/original")
    def original(call: Call, id: str) -> Response:  # noqa: A002
        return Response("", {"Location": stage().original(call.tenant, id), "Cache-Control": "no-store"}, 303)


def _add_dead_letters(app: App, stage: Callable[[], Queries]) -> None:
    @app.call(GET, "/v1/dead", scope=Scope.OPERATOR)
    def dead_letters(call: Call) -> Response:
        q = call.query
        listing = stage().dead(parameters.dead(q), parameters.limit(q), parameters.cursor(q))
        return json_response(shapes.dead_letters(listing))

    @app.call(GET, "/v1/dead/{id}", scope=Scope.OPERATOR)
    def dead_letter(_: Call, id: str) -> Response:  # noqa: A002
        return json_response(shapes.dead_letter_in_full(stage().dead_letter(id)))


def _add_operation(app: App, stage: Callable[[], Queries]) -> None:
    @app.call(GET, "/healthz", scope=None)
    def health(_: Call) -> Response:
        return json_response({"status": "ok"})

    @app.call(GET, "/readyz", scope=None)
    def ready(_: Call) -> Response:
        if missing := stage().missing():
            raise errors.Unavailable(f"Not ready: {', '.join(missing)}.", missing=missing)
        return json_response({"status": "ready"})

    @app.call(GET, "/openapi.json", scope=None)
    def description(_: Call) -> Response:
        return Response(openapi.text(), {"Content-Type": "application/json", "Cache-Control": "no-cache"}, 200)

    @app.call(GET, "/docs", scope=None)
    def docs(_: Call) -> Response:
        page, policy = _docs()
        headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"}
        return Response(page, {**headers, "Cache-Control": "no-cache"}, 200)


def _sent(body: str) -> int:
    """Bytes of a body inside of what a function returns: a JSON string, for which Lambda's runtime escapes all that is not ASCII."""
    return len(json.dumps(body))


def _json_text(text: str) -> Response:
    return Response(text, {"Content-Type": "application/json", "Cache-Control": "no-store"}, 200)


def _plain_text(text: str) -> Response:
    return Response(text, {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}, 200)


@cache
def _docs() -> tuple[str, str]:
    """The page, and a policy that lets only its own script and style run, and only this server be asked."""
    page = resources.files("docusnap.api").joinpath("docs.html").read_text("utf-8")
    script, style = (_hashes(page, tag) for tag in ("script", "style"))
    return page, (
        f"default-src 'none'; script-src {script}; style-src {style}; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )


def _hashes(page: str, tag: str) -> str:
    found = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    return " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()}'" for part in found)
