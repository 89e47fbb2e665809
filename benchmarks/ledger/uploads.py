"""Uploads through the whole path: signed, PUT into the store, told by its webhook, queued, worked on."""

from __future__ import annotations

import io
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from docusnap.client import Client
from PIL import Image, ImageDraw

from benchmarks.ledger.house import House

AT_ONCE = 32  # connections of the client
PATIENCE = 420.0  # seconds for all of them
ONE_BY_ONE = 60

# The moments, by the database's clock and by the statement that makes them so, not by its transaction's begin.
_TRIGGERS = """
CREATE TABLE bench_moment (document_id varchar(32), what text, at timestamptz);
CREATE FUNCTION bench_queued() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO bench_moment SELECT document_id, 'queued', clock_timestamp() FROM revision WHERE id = NEW.revision_id; RETURN NULL; END $$;
CREATE FUNCTION bench_final() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO bench_moment VALUES (NEW.document_id, NEW.status, clock_timestamp()); RETURN NULL; END $$;
CREATE TRIGGER bench_queued AFTER INSERT ON work FOR EACH ROW WHEN (NEW.page = 0) EXECUTE FUNCTION bench_queued();
CREATE TRIGGER bench_final AFTER UPDATE ON revision FOR EACH ROW
  WHEN (OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL) EXECUTE FUNCTION bench_final();
"""


Ticket = tuple[dict[str, Any], bytes]  # what the registration answered, and what to send


@dataclass(frozen=True, slots=True)
class Sent:
    document: str
    put: float  # time.time() when the store's answer to the PUT was there


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of uploads. Seconds from the end of each PUT; `queued` may be below zero: the store may tell of it before it answers."""

    sent: int
    queued: Sequence[float]
    succeeded: Sequence[float]
    extra: int  # rows beyond one queued split and one final status a document
    seconds: float  # from the first PUT's begin to the last final status
    put_seconds: float  # to the last PUT's end

    @property
    def lost(self) -> int:
        return self.sent - len(self.succeeded)


def watch(house: House) -> None:
    """Have the database note when a document is queued and final."""
    with _engine(house).begin() as connection:
        connection.exec_driver_sql(_TRIGGERS)


def at_once(house: House, count: int) -> Batch:
    """All registered before; then as fast as AT_ONCE connections send them."""
    client = Client(house.url, house.key, connections=AT_ONCE)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        tickets = list(pool.map(partial(_register, client), range(count)))
        began = time.time()
        sent = list(pool.map(_put, tickets))
    client.close()
    return _followed(house, sent, began)


def one_by_one(house: House, count: int = ONE_BY_ONE) -> Batch:
    """Each sent when the one before is done, on a system that does nothing else."""
    client, began, sent = Client(house.url, house.key), time.time(), []
    for number in range(count):
        sent.append(_put(_register(client, number)))
        client.await_final(sent[-1].document, PATIENCE)
    client.close()
    return _followed(house, sent, began)


def registered(house: House, count: int) -> list[str]:
    """Documents that wait for their upload: what their status costs to read is the same."""
    client = Client(house.url, house.key)
    found = [str(_register(client, number)[0]["id"]) for number in range(count)]
    client.close()
    return found


def _register(client: Client, number: int) -> Ticket:
    data = page(number)
    body = {"filename": f"page-{number}.png", "content_type": "image/png", "size": len(data), "method": "PUT"}
    return client.register(body, uuid.uuid4().hex), data


def _put(ticket: Ticket) -> Sent:
    created, data = ticket
    url = urlsplit(created["upload"]["url"])
    connection = HTTPConnection(url.hostname or "", url.port, timeout=60)
    connection.request("PUT", f"{url.path}?{url.query}", data, created["upload"]["headers"])
    answer = connection.getresponse()
    answer.read()
    put = time.time()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"The store answered {answer.status}.")
    return Sent(created["id"], put)


def page(number: int) -> bytes:
    """A small page, each with bytes of its own."""
    picture = Image.new("L", (400, 160), 255)
    ImageDraw.Draw(picture).text((20, 60), f"page {number}", fill=0)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def _followed(house: House, sent: Sequence[Sent], began: float) -> Batch:
    """Waits until all are final, or nothing has become so for a while."""
    ends = time.time() + PATIENCE
    while len(_moments(house, sent, "succeeded")) < len(sent) and time.time() < ends:
        time.sleep(0.5)
    put = {one.document: one.put for one in sent}
    queued, succeeded = _moments(house, sent, "queued"), _moments(house, sent, "succeeded")
    extra = len(queued) + len(succeeded) - len({d for d, _ in queued}) - len({d for d, _ in succeeded})
    last = max((at for _, at in succeeded), default=began)
    return Batch(
        len(sent),
        [at - put[document] for document, at in queued],
        [at - put[document] for document, at in dict(succeeded).items()],
        extra,
        last - began,
        max(put.values()) - began,
    )


def _moments(house: House, sent: Sequence[Sent], what: str) -> list[tuple[str, float]]:
    wanted = {one.document for one in sent}
    with _engine(house).connect() as connection:
        rows = connection.execute(
            sa.text("SELECT document_id, extract(epoch FROM at) FROM bench_moment WHERE what = :what"), {"what": what}
        )
        return [(document, float(at)) for document, at in rows if document in wanted]


def _engine(house: House) -> sa.Engine:
    url = sa.make_url(house.database_url).set(drivername="postgresql+psycopg2")
    return sa.create_engine(url, poolclass=sa.pool.NullPool)
