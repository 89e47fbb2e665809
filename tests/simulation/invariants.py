"""What must hold once all has come to rest, asked of the tables, of the bucket and of the product's own reads."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from docusnap.ledger import IDEMPOTENCY, LOST_LIMIT
from docusnap.model import Status

from tests.simulation.files import PAGE_FAILURES, WORD
from tests.simulation.world import FOREIGN_KEYS, RETENTION_DAYS, TENANTS, World

Row = sa.Row[Any]
GONE = frozenset({"object_changed", "object_missing"})
SERVABLE = frozenset({"succeeded", "partial"})


@dataclass
class Rest:
    """The tables as they are at the end."""

    world: World
    documents: dict[str, Row]
    revisions: dict[str, list[Row]]  # by document, the oldest first
    work: dict[int, list[Row]]
    texts: dict[int, dict[int, str]]
    buried: dict[str, Row]  # by document: how it stood at its deletion
    redriven: Counter[tuple[int, int]]  # by revision and page: failures that were forgiven
    served_before: set[int]  # revisions that were served when they were redriven

    @classmethod
    def of(cls, world: World) -> Rest:
        sql = world.database.sql
        documents = {row.id: row for row in sql("SELECT * FROM document ORDER BY created_at")}
        buried = {row.document_id: row for row in sql("SELECT *, extract(epoch FROM at - finished_at) / 86400 AS days FROM sim.burial")}
        again = sql("SELECT * FROM sim.redriven")
        redriven: Counter[tuple[int, int]] = Counter()
        for row in again:
            redriven[row.revision_id, row.page] += row.failures
        served = {row.revision_id for row in again if row.served}
        rest = cls(world, documents, defaultdict(list), defaultdict(list), defaultdict(dict), buried, redriven, served)
        for row in sql("SELECT *, error->>'code' AS code FROM revision ORDER BY document_id, number"):
            rest.revisions[row.document_id].append(row)
        for row in sql("SELECT *, error->>'code' AS code FROM work ORDER BY revision_id, page"):
            rest.work[row.revision_id].append(row)
        for row in sql("SELECT revision_id, page, text FROM page_content"):
            rest.texts[row.revision_id][row.page] = row.text
        return rest

    @property
    def living(self) -> list[Row]:
        return [row for row in self.documents.values() if row.deleted_at is None]

    def shown(self) -> Iterator[tuple[Row, Row]]:
        """Every living document with each of its revisions that has rows of its own: the served one and the newest."""
        for document in self.living:
            for revision in self.revisions[document.id]:
                if revision.served or revision.newest:
                    yield document, revision


def broken(world: World) -> list[str]:
    """One sentence for each invariant that does not hold."""
    rest = Rest.of(world)
    found = [row.what for row in world.database.sql("SELECT what FROM sim.violation ORDER BY id")]
    return found + [sentence for invariant in INVARIANTS for sentence in invariant(rest)]


def _one_current_revision(rest: Rest) -> Iterator[str]:
    for document in rest.living:
        own = rest.revisions[document.id]
        if [row.number for row in own] != list(range(1, len(own) + 1)):
            yield f"{document.key} has revisions {[row.number for row in own]}"
        if sum(row.served for row in own) != 1 or [row.number for row in own if row.newest] != [len(own)]:
            yield f"{document.key}: served {[r.number for r in own if r.served]}, newest {[r.number for r in own if r.newest]}"


def _one_result_per_version(rest: Rest) -> Iterator[str]:
    """A version follows itself only by a reprocess; the same bytes put again are no new revision."""
    for document in rest.living:
        own = rest.revisions[document.id]
        repeats = sum(one.etag == other.etag for one, other in pairwise(own))
        if repeats > rest.world.observer.reprocessed[document.id]:
            yield f"{document.key} has versions {[row.etag for row in own]} after too few reprocesses"


def _no_older_over_newer(rest: Rest) -> Iterator[str]:
    """The last that came to something is served; a fragment of an overwritten version only where there was no text at all.

    What was served already when it was redriven stays so, whatever comes of it: the text before it is gone.
    """
    for document in rest.living:
        own = rest.revisions[document.id]
        expected = own[0]
        for row in own[1:]:
            fragment = row.code == "object_changed"
            had_text = expected.status in {*SERVABLE, "cancelled"} and expected.pages_done > 0
            better = not had_text if fragment else (row.status in SERVABLE or expected.status not in SERVABLE)
            if better or row.id in rest.served_before:
                expected = row
        if not expected.served:
            yield f"{document.key} should serve revision {expected.number} of {[(r.number, r.status, r.code, r.served) for r in own]}"


def _nothing_stuck(rest: Rest) -> Iterator[str]:
    for document in rest.living:
        for row in rest.revisions[document.id]:
            if row.finished_at is None:
                yield f"{document.key} is stuck: revision {row.number} is {row.status}"
    for rows in rest.work.values():
        for row in rows:
            if row.due_at is not None or row.state in {"queued", "processing"}:
                yield f"page {row.page} of revision {row.revision_id} is stuck: {row.state}, due at {row.due_at}"
    for document in rest.documents.values():
        if document.deleted_at is not None and (document.purged_at is None or document.look_at is not None):
            yield f"the tombstone of {document.key} is stuck: purged at {document.purged_at}, looked at {document.look_at}"


def _nothing_lost(rest: Rest) -> Iterator[str]:
    """Every object in the bucket that should be a document is one; every registration is there unless somebody deleted it."""
    by_key = {document.key: document for document in rest.living}
    for key in rest.world.store.object_keys():
        content = rest.world.store.holds(key)
        document = by_key.get(key)
        if document is None:
            yield f"{key} holds {content and content.etag} and is no document"
            continue
        newest = rest.revisions[document.id][-1]
        if key in FOREIGN_KEYS and content and newest.etag != content.etag:
            yield f"{key} holds {content.etag}, and the newest revision is of {newest.etag}"
        if newest.etag is None and newest.status != "cancelled":
            yield f"{key} holds {content and content.etag}, and its document is {newest.status}"
    for document_id, known in rest.world.memory.documents.items():
        if document_id not in rest.documents and document_id not in rest.buried:
            yield f"{known.key} was registered and is no more"


def _nothing_resurrected(rest: Rest) -> Iterator[str]:
    for document in rest.documents.values():
        dead = document.deleted_at is not None
        if dead and rest.revisions[document.id]:
            yield f"the deleted {document.key} has revisions"
        if dead and (document.filename, document.content_type, document.request) != ("", "", None):
            yield f"the deleted {document.key} still has its name"
        if not dead and document.id in rest.world.memory.deleted:
            yield f"{document.key} lives, and its DELETE was answered"
    yield from _ghosts(rest)


def _ghosts(rest: Rest) -> Iterator[str]:
    """A foreign document after a tombstone is of an object that stood there after the tombstone was purged."""
    tombs = [row for row in rest.documents.values() if row.purged_at is not None and row.origin == "foreign"]
    for document in rest.living:
        for tomb in tombs:
            if tomb.key == document.key and tomb.purged_at < document.created_at:
                first = rest.revisions[document.id][0]
                if not rest.world.store.was_there_since(document.key, first.etag, tomb.purged_at):
                    yield f"{document.key} {first.etag} came back after it was deleted"


def _buried_for_a_reason(rest: Rest) -> Iterator[str]:
    for document_id, row in rest.buried.items():
        asked = document_id in rest.world.memory.asked_to_delete
        old = rest.world.settings.retention_days is not None and not row.running and row.days is not None and row.days >= RETENTION_DAYS
        if not asked and not old:
            yield f"{document_id} was buried, running {row.running}, {row.days} days after its end, and nobody asked for it"


def _right_pages(rest: Rest) -> Iterator[str]:
    for document, revision in rest.shown():
        content = rest.world.contents.get(revision.etag)
        if content is None:
            continue
        if revision.pages_total not in {None, content.pages}:
            yield f"{document.key} {content.etag} has {revision.pages_total} pages instead of {content.pages}"
        for row in rest.work[revision.id]:
            text, name = rest.texts[revision.id].get(row.page), f"page {row.page} of {document.key} {content.etag}"
            if row.page and row.state == "succeeded" and (not content.may_succeed(row.page) or text != content.text(row.page)):
                yield f"{name} has the text {text!r}"
            gone = row.code in GONE and rest.world.store.disturbed(document.key, content.etag)
            if row.state == "failed" and not gone and not content.may_fail(row.page, row.code, row.failures):
                yield f"{name} failed with {row.code} after {row.failures} failures and {row.lost} losses"
            if row.failures > PAGE_FAILURES or row.lost > LOST_LIMIT:
                yield f"{name} failed {row.failures} times and was lost {row.lost} times"


def _older_revisions_are_gone(rest: Rest) -> Iterator[str]:
    """With their pages and texts, once another is served or may be."""
    for document in rest.living:
        for revision in rest.revisions[document.id]:
            left = len(rest.work[revision.id]) + len(rest.texts[revision.id])
            if left and not (revision.served or revision.newest):
                yield f"revision {revision.number} of {document.key} has left {left} rows behind"


def _failures_were_reported(rest: Rest) -> Iterator[str]:
    """By a living worker, since the last redrive: neither a lost lease nor a hand-over is a failure."""
    reported = rest.world.observer.failed
    for rows in rest.work.values():
        for row in rows:
            heard = reported[row.revision_id, row.page] - rest.redriven[row.revision_id, row.page]
            if row.failures > heard:
                yield f"page {row.page} of revision {row.revision_id} has {row.failures} failures of {heard}"


def _right_status(rest: Rest) -> Iterator[str]:
    for document, revision in rest.shown():
        expected = _expected(rest, document, revision)
        if revision.status not in expected:
            yield f"revision {revision.number} of {document.key} {revision.etag} is {revision.status} ({revision.code}), not {expected}"


def _expected(rest: Rest, document: Row, revision: Row) -> set[str]:
    rows = rest.work[revision.id]
    cancelled = {"cancelled"} if document.id in rest.world.memory.asked_to_cancel else set()
    if revision.etag is None:
        return {"expired"} | cancelled
    if not rows:  # it came after its document was cancelled
        return cancelled
    if any(row.state == "cancelled" for row in rows):  # it was ended from outside
        overwritten = rest.world.store.disturbed(document.key, revision.etag) and revision.code == "object_changed"
        return cancelled | ({"partial" if revision.pages_done else "rejected"} if overwritten else set())
    failed = [row for row in rows if row.state == "failed"]
    if len(failed) < len([row for row in rows if row.page]):
        return {"partial" if failed else "succeeded"}
    return {"rejected" if all(row.rejected for row in failed) else "failed"}


def _dead_letters(rest: Rest) -> Iterator[str]:
    """What ran out of its retries is listed until it is redriven or dropped, and nothing else is."""
    for document, revision in rest.shown():
        exhausted = [row for row in rest.work[revision.id] if row.state == "failed" and not row.rejected]
        ended = revision.newest and revision.status in {"failed", "partial"}
        if revision.dead_code is not None and not (ended and exhausted):
            yield f"{document.key} is a dead letter and {revision.status} with {len(exhausted)} exhausted pages"
        if revision.dead_code is None and ended and exhausted and document.id not in rest.world.memory.asked_to_drop:
            yield f"{document.key} is {revision.status} with {len(exhausted)} exhausted pages, and no dead letter"


def _search_finds_what_is_served(rest: Rest) -> Iterator[str]:
    """And nothing else: no older revision, no tombstone, no other tenant's."""
    expected: Counter[tuple[str, str, int]] = Counter()
    for document, revision in rest.shown():
        if revision.served and Status(revision.status).has_content:
            expected.update((document.tenant_id, document.id, page) for page, text in rest.texts[revision.id].items() if text)
    found: Counter[tuple[str, str, int]] = Counter()
    for tenant in (*TENANTS, "default"):
        hits = rest.world.database.ledger.search(tenant, WORD, 100, None).items
        found.update((tenant, hit.document_id, hit.page) for hit in hits)
    if found != expected:
        yield f"search finds {sorted(found - expected)} too much and {sorted(expected - found)} too little"


def _read_once(rest: Rest) -> Iterator[str]:
    observer = rest.world.observer
    for (revision, page), times in observer.read.items():
        if times > 1 + observer.excused[revision, page]:
            yield f"page {page} of revision {revision} was recognised {times} times after {observer.excused[revision, page]} reasons"


def _one_document_per_idempotency_key(rest: Rest) -> Iterator[str]:
    for (tenant, key), answers in rest.world.memory.by_key.items():
        for (then, one), (now, other) in pairwise(answers):
            if one != other and now - then < IDEMPOTENCY:
                yield f"{key} of {tenant} stood for two documents within {now - then}"


INVARIANTS: tuple[Callable[[Rest], Iterator[str]], ...] = (
    _one_current_revision,
    _one_result_per_version,
    _no_older_over_newer,
    _nothing_stuck,
    _nothing_lost,
    _nothing_resurrected,
    _buried_for_a_reason,
    _right_pages,
    _older_revisions_are_gone,
    _failures_were_reported,
    _right_status,
    _dead_letters,
    _search_finds_what_is_served,
    _read_once,
    _one_document_per_idempotency_key,
)
