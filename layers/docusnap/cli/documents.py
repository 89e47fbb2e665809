"""`get`, `list`, `search`, `cancel`, `delete` and `reprocess`, over HTTP."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping

from docusnap.cli.parser import Options
from docusnap.cli.place import server
from docusnap.client import ClientError, Json


def get(options: Options, environ: Mapping[str, str]) -> int:
    client = server(environ)
    if options.json or options.text or options.page:
        write_chunks(client.content(options.id, "json" if options.json else "text", options.page))
        return 0
    for line in _described(client.document(options.id)):
        _print(line)
    return 0


def _described(document: Json) -> Iterator[str]:
    error, newer, unserved = document.get("error"), document.get("next_revision"), document.get("unserved_revision")
    yield f"id        {document['id']}"
    yield f"filename  {printable(document['filename'])}"
    yield f"status    {document['status']}"
    yield f"pages     {pages(document)}"
    yield f"created   {document['created_at']}"
    yield f"updated   {document['updated_at']}"
    if error:
        yield f"error     {error['code']}: {error['message']}"
    if newer:
        yield f"next      revision {newer['revision']}, {newer['status']}"
    if unserved:
        reason = f": {unserved['error']['code']}: {unserved['error']['message']}" if unserved.get("error") else ""
        yield f"unserved  revision {unserved['revision']}, {unserved['status']}{reason}"


def listing(options: Options, environ: Mapping[str, str]) -> int:
    client = server(environ)
    for document in client.documents(status=options.status, limit=None if options.all else options.limit):
        told = f"{document['status']:<15}  {pages(document):>9}  {document['created_at'][:19]}"
        row = f"{document['id']}  {told}  {printable(document['filename'])}"
        _print(json.dumps(document, ensure_ascii=False) if options.json else row)
    return 0


def search(options: Options, environ: Mapping[str, str]) -> int:
    client = server(environ)
    for hit in client.search(" ".join(options.query), None if options.all else options.limit):
        row = f"{hit['document_id']}  page {hit['page']:<4}  {' '.join(hit['snippet'].split())}"
        _print(json.dumps(hit, ensure_ascii=False) if options.json else row)
    return 0


def cancel(options: Options, environ: Mapping[str, str]) -> int:
    document = server(environ).cancel(options.id)
    _print(f"{document['id']}  {document['status']}")
    return 0


def reprocess(options: Options, environ: Mapping[str, str]) -> int:
    document = server(environ).reprocess(options.id, force=options.force)
    newer = document.get("next_revision") or document.get("unserved_revision") or document
    _print(f"{document['id']}  revision {newer['revision']}  {newer['status']}")
    return 0


def delete(options: Options, environ: Mapping[str, str]) -> int:
    """Each id on its own: one that is not there does not keep the others."""
    client, failed = server(environ), 0
    for document_id in options.ids:
        try:
            client.delete(document_id)
        except ClientError as exc:
            failed = 1
            sys.stderr.write(f"docusnap: {document_id}: {exc}\n")
    return failed


def pages(document: Json) -> str:
    """Progress in short: `3/4`, with the failed ones where there are any."""
    counts = document["pages"]
    total = "?" if counts["total"] is None else counts["total"]
    failed = f" -{counts['failed']}" if counts["failed"] else ""
    return f"{counts['done']}/{total}{failed}"


def printable(name: str) -> str:
    """A name that somebody else gave, fit for a terminal: one that came with an object may hold line ends and escape sequences."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name)


def write_chunks(chunks: Iterable[bytes]) -> None:
    """Copy content to stdout as it comes, and end it with a line end."""
    last = b""
    for chunk in chunks:
        sys.stdout.buffer.write(chunk)
        last = chunk or last
    if not last.endswith(b"\n"):
        sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
