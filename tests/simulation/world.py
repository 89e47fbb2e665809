"""Everything there is in one schedule: the bucket, the ledger, what is on its way, and what clients remember."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from docusnap import settings
from docusnap.model import DocumentView, ObjectCreated, UploadTicket
from docusnap.ocr.scratch import Scratch

from tests.simulation.database import SimulatedDatabase
from tests.simulation.files import Content, Reader, Troubles, some_content
from tests.simulation.observer import Observer
from tests.simulation.seam import Seam
from tests.simulation.store import Bucket
from tests.simulation.tasks import Task, current

TENANTS = ("acme", "zenith")
FOREIGN_KEYS = ("incoming/a.png", "incoming/b.png", "incoming/c/d.png")
SETTINGS = settings.load({"DATABASE_URL": "postgresql://nobody/nothing", "S3_ENDPOINT_URL": "http://127.0.0.1"})
RETENTION_DAYS = 30.0


@dataclass
class Upload:
    """A signed upload that a client has yet to make, or to end."""

    ticket: UploadTicket
    content: Content
    began: datetime | None = None


@dataclass
class Memory:
    """What the clients know, also where they got no answer."""

    documents: dict[str, DocumentView] = field(default_factory=dict)  # by id, in the order of registration
    deleted: set[str] = field(default_factory=set)  # DELETE was answered with 204
    asked_to_delete: set[str] = field(default_factory=set)  # or not answered
    asked_to_cancel: set[str] = field(default_factory=set)
    asked_to_drop: set[str] = field(default_factory=set)
    by_key: dict[tuple[str, str], list[tuple[datetime, str]]] = field(default_factory=lambda: defaultdict(list))  # Idempotency-Key → ids


class Folders:
    """A scratch folder for each process that lives; one that is free again is used again, since each holds a file descriptor."""

    def __init__(self, parent: Path) -> None:
        self._parent = parent
        self._free: list[Scratch] = []

    @contextmanager
    def one(self) -> Iterator[Scratch]:
        scratch = self._free.pop() if self._free else Scratch(self._parent, SETTINGS.scratch_bytes)
        try:
            yield scratch
        finally:
            scratch.tidy()
            self._free.append(scratch)


class World:
    def __init__(self, database: SimulatedDatabase, rng: Random, folders: Folders) -> None:
        self.rng, self.database = rng, database
        self.clock = database.reset()
        self.settings = replace(
            SETTINGS,
            sweep_batch=rng.choices([1, 2, 3, 5], [1, 2, 2, 5])[0],  # of 1, sweep has to run twice as often until all is seen
            max_queued=rng.choice([3, 100]),
            retention_days=rng.choice([None, RETENTION_DAYS]),
        )
        self.store = Bucket(self.clock, rng.random() < 0.5, timedelta(seconds=rng.choice([0, 0, 30])))
        self.observer = Observer(self.clock)
        self.ledger = Seam(database, self.observer, rng)
        self.troubles = Troubles()
        self.engine = Reader(self.troubles)
        self.folders = folders
        self.memory = Memory()
        self.contents: dict[str, Content] = {}
        self.uploads: list[Upload] = []  # signed, and not made yet
        self.pending: list[ObjectCreated] = []  # notifications on their way
        self.wakes = 0  # on their way
        self.wakes_are_lost = rng.choice([0.0, 0.2, 1.0])
        self.events_are_lost = rng.choice([0.0, 0.2, 1.0])
        self.tasks: list[Task] = []
        self.violations = self.observer.violations
        database.sql("; ".join(f"INSERT INTO tenant (id) VALUES ('{tenant}')" for tenant in TENANTS))  # noqa: S608  constants

    def content(self) -> Content:
        """Bytes that nobody has seen before."""
        content = some_content(self.rng, len(self.contents) + 1)
        self.contents[content.etag] = content
        return content

    def put(self, key: str, content: Content, *, if_none_match: bool = False) -> str:
        """Into the bucket, which tells of it, or not."""
        if not self.store.put(key, content, if_none_match=if_none_match):
            return "412"
        event = self.store.events.pop()
        if self.rng.random() >= self.events_are_lost:
            self.pending.append(event if self.rng.random() < 0.8 else replace(event, sequencer=None))
        return content.etag

    def start(self, name: str, job: Callable[[], object]) -> Task:
        task = Task(name, job, self.clock.now)
        self.tasks.append(task)
        return task

    def remember(self, document: DocumentView) -> None:
        self.memory.documents.setdefault(document.id, document)

    def wake(self, count: int = 1) -> None:
        """ports.Waker, over a network that loses."""
        if (task := current()) is not None:
            task.check()
        self.wakes += sum(self.rng.random() >= self.wakes_are_lost for _ in range(min(count, 2)))
