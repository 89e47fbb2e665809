"""`dead list|show|redrive|drop`: what ran out of its retries, asked of the database itself, so that it works while the API is away."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping

from docusnap import dead, settings
from docusnap.adapters.postgres.ledger import PostgresLedger
from docusnap.adapters.waker import HttpWaker
from docusnap.api import shapes
from docusnap.bootstrap import Parts
from docusnap.cli.admin import WAKE_SECONDS, opened_ledger
from docusnap.cli.documents import pages, printable
from docusnap.cli.parser import Options
from docusnap.hosts.embedded import plan
from docusnap.model import DeadFilter, DeadLetter
from docusnap.ports import Waker

PAGE = 100  # letters asked for at once


def listing(options: Options, environ: Mapping[str, str]) -> int:
    with opened_ledger(environ) as ledger:
        for letter in _found(ledger, _filter(options), None if options.all else options.limit):
            shown = shapes.dead_letter(letter)
            sys.stdout.write((json.dumps(shown, ensure_ascii=False) if options.json else _row(shown)) + "\n")
    return 0


def show(options: Options, environ: Mapping[str, str]) -> int:
    with opened_ledger(environ) as ledger:
        shown = shapes.dead_letter_in_full(ledger.dead_letter(options.id))
    lines = [json.dumps(shown, ensure_ascii=False)] if options.json else _described(shown)
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0


def redrive(options: Options, environ: Mapping[str, str]) -> int:
    """Try them again, and wake `ocr` where it is known; else the next sweep does."""
    _check(options)
    with opened_ledger(environ) as ledger:
        around = environ if environ.get("DATABASE_URL") or environ.get("DATABASE_URL_FILE") else plan.of_running(environ)
        waker, most = _waker(around), settings.alone("max_queued", around)
        stage = dead.DeadLetters(ledger=ledger, waker=waker, max_queued=most, fanout=settings.alone("ocr_fanout", around))
        try:
            return _handle(options, stage, stage.redrive, "redriven")
        finally:  # what was redriven before there was no more room is to be woken for too
            if isinstance(waker, HttpWaker):
                waker.flush(WAKE_SECONDS)


def drop(options: Options, environ: Mapping[str, str]) -> int:
    """Take them off the list; the documents stay as they are."""
    _check(options)
    with opened_ledger(environ) as ledger:
        stage = dead.DeadLetters(ledger=ledger, waker=HttpWaker(None), max_queued=0, fanout=1)
        return _handle(options, stage, stage.drop, "dropped")


def _waker(environ: Mapping[str, str]) -> Waker:
    """A queue's needs the store's credentials as well."""
    return Parts(environ).waker if environ.get("OCR_QUEUE_URL") else HttpWaker(settings.alone("ocr_url", environ))


def _check(options: Options) -> None:
    """Something must be named, and in one way: what was meant by both together is anybody's guess."""
    ways = [bool(options.ids), bool(options.tenant or options.code), options.all]
    if sum(ways) != 1:
        options.refuse("give ids, or --tenant and/or --code, or --all")


def _handle(options: Options, stage: dead.DeadLetters, handle: Callable[[dead.Letters], int], done: str) -> int:
    letters = dead.Named(options.ids) if options.ids else stage.matching(_filter(options))
    count = 0
    try:
        while letters.more:
            count += handle(letters)
    finally:
        sys.stdout.write(f"{count} {done}\n")
        sys.stdout.flush()
    missing = len(set(options.ids)) - count if options.ids else 0
    if missing:
        sys.stderr.write(f"docusnap: {missing} of these are no dead letters; docusnap dead list shows them.\n")
    return int(missing > 0)


def _filter(options: Options) -> DeadFilter:
    return DeadFilter(options.tenant, options.code)


def _found(ledger: PostgresLedger, which: DeadFilter, limit: int | None) -> Iterator[DeadLetter]:
    cursor, left = None, limit
    while left is None or left > 0:
        page = ledger.dead(which, PAGE if left is None else min(PAGE, left), cursor)
        yield from page.items
        cursor, left = page.cursor, None if left is None else left - len(page.items)
        if cursor is None:
            return


def _row(letter: shapes.Json) -> str:
    where = f"page {letter['page']}" if "page" in letter else "file"
    told = f"{letter['status']:<7}  {pages(letter):>9}  {letter['code']:<16}  {where:<9}  {letter['failed_at'][:19]}"
    return f"{letter['id']}  {letter['tenant']:<16}  {told}  {printable(letter['filename'])}"


def _described(letter: shapes.Json) -> Iterator[str]:
    yield f"id        {letter['id']}"
    yield f"tenant    {letter['tenant']}"
    yield f"filename  {printable(letter['filename'])}"
    yield f"status    {letter['status']}, revision {letter['revision']}"
    yield f"pages     {pages(letter)}"
    yield f"created   {letter['created_at']}"
    yield f"failed    {letter['failed_at']}, after {letter['failures']} failures and {letter['lost']} lost workers"
    yield f"error     {letter['code']}: {letter['message']}"
    for page in letter["failed_pages"]:
        again = "never to be tried again" if page["rejected"] else f"{page['failures']} failures, {page['lost']} lost workers"
        yield f"page      {page['number']}: {page['code']}: {page['message']} ({again})"
