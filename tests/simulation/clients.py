"""What clients do: each act is a task that calls the product's own upload and query."""

from __future__ import annotations

from collections.abc import Callable

from docusnap import errors
from docusnap.dead import DeadLetters, Named
from docusnap.model import ContentView, DeadFilter, DocumentView, OcrMode, UploadRequest
from docusnap.query import Queries
from docusnap.upload import Uploads

from tests.simulation.store import open_until
from tests.simulation.world import FOREIGN_KEYS, TENANTS, Upload, World

Act = Callable[[World], "str | None"]  # None where there was nothing to do it with


def _uploads(world: World) -> Uploads:
    return Uploads(ledger=world.ledger, store=world.store, waker=world, settings=world.settings)  # type: ignore[arg-type]  by __getattr__


def register(world: World) -> str:
    """POST /v1/documents, at times under an Idempotency-Key that was used before."""
    rng = world.rng
    tenant, key = rng.choice(TENANTS), rng.choice([None, None, "k1", "k2"])
    other = key is not None and rng.random() < 0.1
    request = UploadRequest(
        f"{key}{'-other' * other}.png", "image/png", size=100, method=rng.choice(["PUT", "POST"]) if key is None else "PUT"
    )

    def job() -> object:
        created = _uploads(world).create(tenant, request, key)
        world.remember(created.document)
        if key is not None:
            world.memory.by_key[tenant, key].append((created.document.created_at, created.document.id))
        if created.ticket is not None:
            world.uploads.append(Upload(created.ticket, world.content()))
        return created.document.served.status

    world.start(f"register for {tenant} under {key}", job)
    return world.tasks[-1].name


def upload(world: World) -> str | None:
    """PUT or POST to the bucket: begun in time, it may end an hour later; it may be made twice."""
    if not world.uploads:
        return None
    it = world.rng.choice(world.uploads)
    if it.began is None:
        if world.clock.now > it.ticket.expires_at:
            world.uploads.remove(it)
            return f"{it.ticket.url} has expired"
        it.began = world.clock.now
        if world.rng.random() < 0.4:
            return f"an upload to {it.ticket.url} begins"
    world.uploads.remove(it)
    if world.clock.now > open_until(it.ticket):
        return f"an upload to {it.ticket.url} breaks off"
    if world.rng.random() < 0.3:
        world.uploads.append(Upload(it.ticket, it.content if world.rng.random() < 0.5 else world.content()))
    return f"an upload to {it.ticket.url}: {world.put(it.ticket.url, it.content, if_none_match=it.ticket.method == 'PUT')}"


def put_foreign(world: World, key: str | None = None) -> str:
    """Somebody's S3 client puts, overwrites, puts the same again, or puts back what was there before."""
    key = key or world.rng.choice(FOREIGN_KEYS)
    before = [change.content for change in world.store.history.get(key, ()) if change.content is not None]
    content = world.rng.choice(before) if before and world.rng.random() < 0.25 else world.content()
    return f"somebody puts {key}: {world.put(key, content)}"


def remove_object(world: World) -> str | None:
    """Somebody removes an object under us."""
    if not (keys := world.store.object_keys()):
        return None
    key = world.rng.choice(keys)
    world.store.remove(key)
    return f"somebody removes {key}"


def _about(world: World, verb: str, act: Callable[[DocumentView], object], key: str | None = None) -> str | None:
    """An act on a document that a client knows, or on the one of a foreign key, where no key is given."""
    chosen = key or world.rng.choice([*world.memory.documents.values(), *FOREIGN_KEYS])

    def job() -> object:
        document = world.ledger.document_of(world.store.bucket, chosen) if isinstance(chosen, str) else chosen
        return None if document is None else act(document)

    world.start(f"{verb} {chosen if isinstance(chosen, str) else chosen.key}", job)
    return world.tasks[-1].name


def cancel(world: World, key: str | None = None) -> str | None:
    def act(document: DocumentView) -> object:
        world.memory.asked_to_cancel.add(document.id)
        return _uploads(world).cancel(document.tenant, document.id).newest.status

    return _about(world, "cancel", act, key)


def delete(world: World, key: str | None = None) -> str | None:
    def act(document: DocumentView) -> object:
        world.memory.asked_to_delete.add(document.id)
        _uploads(world).delete(document.tenant, document.id)
        world.memory.deleted.add(document.id)
        return "204"

    return _about(world, "delete", act, key)


def reprocess(world: World, key: str | None = None) -> str | None:
    mode = world.rng.choice(list(OcrMode))
    return _about(world, "reprocess", lambda document: _uploads(world).reprocess(document.tenant, document.id, mode).newest.number, key)


def letters(world: World) -> DeadLetters:
    return DeadLetters(ledger=world.ledger, waker=world, max_queued=world.settings.max_queued, fanout=2)  # type: ignore[arg-type]  by __getattr__


def redrive(world: World) -> str | None:
    """An operator has the cause mended, or hopes so."""
    which = DeadFilter(tenant=world.rng.choice([None, *TENANTS]))

    def job() -> object:
        found = letters(world)
        return found.redrive(found.matching(which))

    world.start(f"redrive {which}", job)
    return world.tasks[-1].name


def drop(world: World) -> str | None:
    def act(document: DocumentView) -> object:
        world.memory.asked_to_drop.add(document.id)
        return letters(world).drop(Named([document.id]))

    return _about(world, "drop", act)


def read(world: World) -> str | None:
    """GET …/content: never of a document whose DELETE was answered, never a page of another version."""

    def act(document: DocumentView) -> object:
        gone = document.id in world.memory.deleted
        queries = Queries(ledger=world.ledger, store=lambda: world.store, settings=world.settings, waits=1)  # type: ignore[arg-type]  by __getattr__
        try:
            found = queries.content(document.tenant, document.id, None)
        except errors.DocuSnapError as exc:
            return exc.code
        if gone:
            world.violations.append(f"{document.key} was read after its DELETE was answered")
        return _versions(world, document, found)

    return _about(world, "read", act)


def _versions(world: World, document: DocumentView, found: ContentView) -> str:
    texts = {page.result.text.rpartition(" ")[2] for page in found.pages if page.result and page.result.text}
    if len(texts) > 1:
        world.violations.append(f"{document.key} was read as a mixture of {sorted(texts)}")
    return f"{len(found.pages)} pages of {sorted(texts)}"
