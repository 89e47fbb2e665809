"""Frozen values → the JSON of the contract. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from docusnap.model import (
    Block,
    ContentView,
    DeadLetter,
    DocumentView,
    EngineInfo,
    FailedPage,
    Line,
    Listing,
    PageView,
    Polygon,
    Problem,
    Progress,
    RecognisedPage,
    RevisionView,
    SearchHit,
    UploadTicket,
    Word,
    WorkState,
)

Json = dict[str, Any]

NO_ENGINE = EngineInfo("none", "")  # of a document that was cancelled before anything was read
FORM_FEED = "\f"


def moment(value: datetime) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def document(view: DocumentView) -> Json:
    """`error`, `source` and a newer revision stand only where there is something to say."""
    served = view.served
    return {
        "id": view.id,
        "filename": view.filename,
        "content_type": view.content_type,
        "status": served.status,
        "revision": served.number,
        "pages": _progress(served.pages),
        **_error(served.error),
        **_source(view),
        **_newer(view),
        "created_at": moment(view.created_at),
        "updated_at": moment(view.updated_at),
    }


def _source(view: DocumentView | DeadLetter) -> Json:
    return {"source": {"bucket": view.bucket, "key": view.key}} if view.foreign else {}


def _newer(view: DocumentView) -> Json:
    """`next_revision` while it runs; one that ended without replacing the text that is there says so under a name of its own."""
    if view.newest.number == view.served.number:
        return {}
    return {"unserved_revision" if view.settled else "next_revision": _revision(view.newest)}


def created(view: DocumentView, ticket: UploadTicket | None) -> Json:
    return {"id": view.id, "status": view.served.status, **({"upload": upload(ticket)} if ticket else {})}


def upload(ticket: UploadTicket) -> Json:
    sent = {"headers": dict(ticket.headers)} if ticket.headers is not None else {"fields": dict(ticket.fields or {})}
    return {"method": ticket.method, "url": ticket.url, **sent, "expires_at": moment(ticket.expires_at)}


def documents(listing: Listing[DocumentView]) -> Json:
    return {"items": [document(item) for item in listing.items], "next_cursor": listing.cursor}


def hits(listing: Listing[SearchHit]) -> Json:
    return {"items": [_hit(item) for item in listing.items], "next_cursor": listing.cursor}


def dead_letters(listing: Listing[DeadLetter]) -> Json:
    return {"items": [dead_letter(item) for item in listing.items], "next_cursor": listing.cursor}


def dead_letter_in_full(letter: DeadLetter) -> Json:
    return {**dead_letter(letter), "failed_pages": [_failed_page(page) for page in letter.failed_pages]}


def dead_letter(letter: DeadLetter) -> Json:
    """Whose it is and what went wrong; nothing of what was read."""
    return {
        "id": letter.id,
        "tenant": letter.tenant,
        "filename": letter.filename,
        "status": letter.revision.status,
        "revision": letter.revision.number,
        **_problem(letter.problem),
        "pages": _progress(letter.revision.pages),
        "failures": letter.failures,
        "lost": letter.lost,
        "failed_at": moment(letter.failed_at),
        "created_at": moment(letter.created_at),
        **_source(letter),
    }


def _failed_page(page: FailedPage) -> Json:
    return {
        "number": page.number,
        "code": page.problem.code,
        "message": page.problem.message,
        "failures": page.failures,
        "lost": page.lost,
        "rejected": page.rejected,
    }


def content(view: ContentView) -> str:
    """The answer's text, written page by page: a thousand pages as objects would take a gigabyte."""
    head = {"document_id": view.document_id, "revision": view.revision, "engine": _engine(view.engine or NO_ENGINE)}
    pages = ",".join(compact(_page(page)) for page in view.pages)
    return f'{compact(head)[:-1]},"pages":[{pages}]}}'


def compact(value: Any) -> str:
    """JSON as it is sent."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def text(pages: Sequence[PageView]) -> str:
    """Pages joined by a form feed; one without a result is empty, so that the others keep their places."""
    return FORM_FEED.join(page.result.text if page.result else "" for page in pages)


def _progress(pages: Progress) -> Json:
    return {"total": pages.total, "done": pages.done, "failed": pages.failed}


def _error(problem: Problem | None) -> Json:
    return {} if problem is None else {"error": _problem(problem)}


def _problem(problem: Problem) -> Json:
    page = {} if problem.page is None else {"page": problem.page}
    return {"code": problem.code, "message": problem.message, **page}


def _revision(view: RevisionView) -> Json:
    return {"revision": view.number, "status": view.status, "pages": _progress(view.pages), **_error(view.error)}


def _engine(info: EngineInfo) -> Json:
    return {"name": info.name, "version": info.version, "models": [{"name": m.name, "sha256": m.sha256} for m in info.models]}


def _page(page: PageView) -> Json:
    if page.result is None or page.status is not WorkState.SUCCEEDED:
        nothing = dict.fromkeys(("source", "width", "height", "dpi", "rotation"))
        return {"number": page.number, "status": page.status, **nothing, "text": "", "empty": False, **_error(page.error), "lines": []}
    return {"number": page.number, "status": page.status, **_result(page.result)}


def _result(page: RecognisedPage) -> Json:
    return {
        "source": page.source,
        "width": page.width,
        "height": page.height,
        "dpi": page.dpi,
        "rotation": page.rotation,
        "text": page.text,
        "empty": page.empty,
        **({"blocks": [_block(block) for block in page.blocks]} if page.blocks else {}),
        "lines": [_line(line) for line in page.lines],
    }


def _block(block: Block) -> Json:
    return {"kind": block.kind, "lines": [block.first, block.last]}


def _line(line: Line) -> Json:
    return {**_word(line), **({"words": [_word(word) for word in line.words]} if line.words else {})}


def _word(word: Word | Line) -> Json:
    return {"text": word.text, "confidence": word.confidence, "polygon": _polygon(word.polygon)}


def _polygon(polygon: Polygon) -> list[list[float]]:
    return [[x, y] for x, y in polygon]


def _hit(hit: SearchHit) -> Json:
    return {
        "document_id": hit.document_id,
        "page": hit.page,
        "score": hit.score,
        "snippet": hit.snippet,
        "matches": [{"line": match.line, "polygon": _polygon(match.polygon)} for match in hit.matches],
    }
