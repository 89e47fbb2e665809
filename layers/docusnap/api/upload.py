"""The `upload` function over HTTP: every method but GET and HEAD."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from chalice.app import Response

from docusnap import errors
from docusnap.api import bodies, openapi, parameters, shapes
from docusnap.api.app import App, Call, add_options, json_response
from docusnap.bootstrap import Parts
from docusnap.dead import DeadLetters, Letters, Named
from docusnap.model import DeadFilter, OcrMode, Scope, UploadRequest
from docusnap.upload import Uploads, last_segment, with_default_method

DOCUMENTS = "/v1/documents"
DOCUMENT = "/v1/documents/{id}"


def create_app(parts: Callable[[], Parts]) -> App:
    """The app that Lambda calls as its handler; nothing is built before the first request."""
    app = App("upload", parts)
    stage = _stage_of(parts)

    @app.call(["POST"], DOCUMENTS)
    def create(call: Call) -> Response:
        key = parameters.idempotency_key(call.headers)
        body = bodies.read(call.body, "CreateDocument", limit=parts().settings.max_json_bytes)
        created = stage().create(call.tenant, upload_request(body), key)
        where = {"Location": f"{DOCUMENTS}/{created.document.id}"}
        return json_response(shapes.created(created.document, created.ticket), 201, where)

    @app.call(["POST"], f"{DOCUMENT}/reprocess")
    def reprocess(call: Call, id: str) -> Response:  # noqa: A002  the path's name for it
        body = bodies.read(call.body, "Reprocess", limit=parts().settings.max_json_bytes, optional=True)
        ocr = OcrMode(body.get("ocr", OcrMode.AUTO))
        return json_response(shapes.document(stage().reprocess(call.tenant, id, ocr)), 202)

    @app.call(["POST"], f"{DOCUMENT}/cancel")
    def cancel(call: Call, id: str) -> Response:  # noqa: A002
        bodies.read(call.body, "Nothing", limit=parts().settings.max_json_bytes, optional=True)
        return json_response(shapes.document(stage().cancel(call.tenant, id)), 202)

    @app.call(["DELETE"], DOCUMENT)
    def delete(call: Call, id: str) -> Response:  # noqa: A002
        stage().delete(call.tenant, id)
        return Response("", {"Cache-Control": "no-store"}, 204)

    _add_dead_letters(app, parts)
    add_options(app, [template for template in openapi.templates() if not template.startswith("/events/")])
    return app


def _add_dead_letters(app: App, parts: Callable[[], Parts]) -> None:
    @cache
    def stage() -> DeadLetters:
        p = parts()
        return DeadLetters(ledger=p.ledger, waker=p.waker, max_queued=p.settings.max_queued, fanout=p.settings.ocr_fanout)

    def letters(call: Call) -> Letters:
        body = bodies.read(call.body, "ChosenDeadLetters", limit=parts().settings.max_json_bytes)
        return stage().matching(DeadFilter(**body["filter"])) if "filter" in body else Named(body["ids"])

    @app.call(["POST"], "/v1/dead/redrive", scope=Scope.OPERATOR)
    def redrive(call: Call) -> Response:
        chosen = letters(call)
        return json_response({"count": stage().redrive(chosen), "more": chosen.more}, 202)

    @app.call(["POST"], "/v1/dead/drop", scope=Scope.OPERATOR)
    def drop(call: Call) -> Response:
        chosen = letters(call)
        return json_response({"count": stage().drop(chosen), "more": chosen.more}, 202)


def _stage_of(parts: Callable[[], Parts]) -> Callable[[], Uploads]:
    @cache
    def stage() -> Uploads:
        p = parts()
        return Uploads(ledger=p.ledger, store=p.store, waker=p.waker, settings=p.settings)

    return stage


def upload_request(body: dict[str, Any]) -> UploadRequest:
    """A checked body → what the client declares.

    Raises: InvalidBody for a path that ends in no name.
    """
    filename = last_segment(body["filename"])
    if filename.strip() in {"", ".", ".."}:
        raise errors.InvalidBody("filename: give the file's name, not only folders.", member="filename")
    size = body.get("size")
    request = UploadRequest(
        filename=filename,
        content_type=body["content_type"],
        size=None if size is None else int(size),  # JSON has no integers of its own: 5.0 is one
        sha256=body["sha256"].lower() if "sha256" in body else None,
        ocr=OcrMode(body.get("ocr", OcrMode.AUTO)),
    )
    return with_default_method(request, body.get("method"))
