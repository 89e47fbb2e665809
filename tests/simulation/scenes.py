"""Scenes of the quiet: what the dice bring together too rarely, each led to the point that it is about.

They are drawn from a stream of their own, so that the disasters before them stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from random import Random
from typing import Protocol

from docusnap.dead import DeadLetters, Letters, Named
from docusnap.model import DeadFilter, DeadLetter, ObjectCreated

from tests.simulation import clients, workers
from tests.simulation.disasters import let_time_pass, steps
from tests.simulation.files import Content
from tests.simulation.tasks import Task
from tests.simulation.world import FOREIGN_KEYS, RETENTION_DAYS, World

SECONDS_OF_RETENTION = timedelta(days=RETENTION_DAYS + 1).total_seconds()


class Stage(Protocol):
    """What a schedule lets a scene do."""

    world: World

    def note(self, what: str | None) -> None: ...
    def finish(self, task: Task) -> None: ...
    def come_to_rest(self, sweeps: int) -> None: ...
    def enough(self) -> int: ...


class Scenes:
    def __init__(self, stage: Stage, rng: Random) -> None:
        self._stage, self._world, self._rng = stage, stage.world, rng

    def operators(self) -> None:
        """What is dead is redriven, dropped or left; while workers are at it, clients go on with their documents."""
        dead = self._world.ledger.dead(DeadFilter(), 100, None).items
        if not dead:
            return
        redriven = [letter for letter in dead if not self._dropped(letter)]
        with self._unsteady():
            for chosen in self._ways(redriven):
                self._do("redrive", lambda chosen=chosen: self._letters().redrive(chosen))
            steps(self._world.start("ocr", lambda: workers.ocr(self._world, 4)), self._rng.randint(1, 30))
        if redriven and self._rng.random() < 0.4:
            self._client(self._rng.choice(redriven).key)
            self._come_to_know()  # of a version that nobody told of
        else:
            self._stage.come_to_rest(0)

    def _dropped(self, letter: DeadLetter) -> bool:
        if self._rng.random() >= 0.15:
            return False
        self._world.memory.asked_to_drop.add(letter.id)
        self._do(f"drop {letter.key}", lambda: self._letters().drop(Named([letter.id])))
        return True

    def _ways(self, letters: list[DeadLetter]) -> Iterator[Letters]:
        """One by one with some of them left, or by a filter."""
        way = self._rng.choice(["each", "tenant", "code", "all"])
        if way == "all" or not letters:
            yield self._letters().matching(DeadFilter())
        elif way == "each":
            yield from (Named([letter.id]) for letter in letters if self._rng.random() < 0.8)
        else:
            one = self._rng.choice(letters)
            yield self._letters().matching(DeadFilter(tenant=one.tenant) if way == "tenant" else DeadFilter(code=one.problem.code))

    def _client(self, key: str) -> None:
        acts = [clients.cancel, clients.delete, clients.reprocess, *([clients.put_foreign] if key in FOREIGN_KEYS else [])]
        self._stage.note(self._rng.choice(acts)(self._world, key))

    def _letters(self) -> DeadLetters:
        return clients.letters(self._world)

    @contextmanager
    def _unsteady(self) -> Iterator[None]:
        """Whoever acts meanwhile may be killed, or get no answer."""
        self._world.ledger.fault_rate = self._rng.choice([0.0, 0.0, 0.12])
        yield
        self._world.ledger.fault_rate = 0.0

    def an_upload_in_vain(self) -> None:
        """A client registers, cancels or deletes, and uploads all the same; sweep may have been there in between."""
        world = self._world
        before = len(world.uploads)
        self._stage.note(clients.register(world))
        self._end(world.tasks[-1])
        if len(world.uploads) == before:
            return
        upload = world.uploads.pop()
        self._stage.note(self._rng.choice([clients.cancel, clients.delete])(world, upload.ticket.url))
        self._end(world.tasks[-1])
        if self._rng.random() < 0.5:
            self._do("sweep", lambda: workers.sweep(world))
        self._stage.note(f"an upload in vain to {upload.ticket.url}: {world.put(upload.ticket.url, upload.content)}")
        if self._rng.random() < 0.5:
            self._end(self._tell_of(upload.ticket.url, 1))

    def a_head_from_before(self) -> None:
        """An object is looked at, and told of only after its document was deleted and it was removed."""
        world = self._world
        there = [key for key in FOREIGN_KEYS if world.store.holds(key) and world.ledger.document_of(world.store.bucket, key)]
        if not there:
            return
        key = self._rng.choice(there)
        slow = self._tell_of(key, 1)
        self._stage.note(clients.delete(world, key))
        self._end(world.tasks[-1])
        for _ in range(self._rng.randint(1, 3)):
            self._do("sweep", lambda: workers.sweep(world))
        self._end(slow)

    def a_failure_over_a_text(self) -> None:
        """A version that comes to nothing: what is dead then is not what is served."""
        if self._overwritten(lambda content: content.dies):
            self._stage.come_to_rest(0)

    def an_overwrite_midway(self) -> None:
        """A version is overwritten when one of its pages is done, and what it replaces has a text."""
        if (key := self._overwritten(lambda content: content.pages > 1)) is None:
            return
        self._do("ocr", lambda: workers.ocr(self._world, 2))
        self._stage.note(clients.put_foreign(self._world, key))
        if self._rng.random() < 0.5:
            self._end(self._tell_of(key, 1))
        self._come_to_know()

    def _overwritten(self, fits: Callable[[Content], bool]) -> str | None:
        """The key of a foreign document that had a text, and has got such a version over it."""
        world = self._world
        having_text = "SELECT key FROM document JOIN revision ON document_id = document.id WHERE served AND pages_done > 0"
        there = [row.key for row in world.database.sql(f"{having_text} AND origin = 'foreign' ORDER BY key")]
        if not there:
            return None
        key = self._rng.choice(there)
        while not fits(content := world.content()):
            continue
        self._stage.note(f"somebody puts {key}: {world.put(key, content)}")
        self._end(self._tell_of(key, 1))
        return key

    def _tell_of(self, key: str, far: int) -> Task:
        """A notification that names no version."""
        event = ObjectCreated(self._world.store.bucket, key, None, None, None)
        task = self._world.start(f"intake of {key}", lambda: workers.intake(self._world, [event]))
        steps(task, far)
        return task

    def a_month_later(self) -> None:
        """Retention has everything to bury, but for what clients have just asked to be done again."""
        world = self._world
        if world.settings.retention_days is None:
            return
        self._stage.note(let_time_pass(world, SECONDS_OF_RETENTION))
        living = [row.key for row in world.database.sql("SELECT key FROM document WHERE deleted_at IS NULL ORDER BY key")]
        for key in living:
            if self._rng.random() < 0.5:
                self._stage.note(clients.reprocess(world, key))
                self._end(world.tasks[-1])
        if self._rng.random() < 0.5:
            self._do("ocr", lambda: workers.ocr(world, self._rng.randint(1, 6)))
        self._stage.come_to_rest(1 + -(-2 * len(living) // world.settings.sweep_batch))

    def _come_to_know(self) -> None:
        """Whatever is in the bucket, also where that lists late."""
        self._stage.note(let_time_pass(self._world, 1 + self._world.store.lists_late.total_seconds()))
        self._stage.come_to_rest(self._stage.enough())

    def _do(self, name: str, job: Callable[[], object]) -> None:
        self._end(self._world.start(name, job))

    def _end(self, task: Task) -> None:
        self._stage.finish(task)
