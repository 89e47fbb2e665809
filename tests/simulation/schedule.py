"""One seed is one schedule: a time of disasters, then a time of quiet, then the reckoning."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from docusnap import errors
from docusnap.model import ObjectCreated

from tests.simulation import clients, workers
from tests.simulation.database import SimulatedDatabase
from tests.simulation.disasters import let_time_pass, step
from tests.simulation.invariants import broken
from tests.simulation.scenes import Scenes
from tests.simulation.store import open_until
from tests.simulation.tasks import Task
from tests.simulation.wire import Rewrite
from tests.simulation.world import FOREIGN_KEYS, Folders, World

ROUNDS = 40  # of workers, within which all must have come to rest
# What a client or a function may be told; anything else that a call ends with is a mistake.
EXPECTED = (errors.Unavailable, errors.TooManyRequests, errors.Conflict, errors.DocumentNotFound, errors.IdempotencyConflict)


@dataclass(frozen=True)
class Verdict:
    seed: int
    violations: list[str]
    log: list[str]


class Schedule:
    def __init__(self, seed: int, database: SimulatedDatabase, folders: Folders) -> None:
        self.rng = Random(seed)
        self.world = World(database, self.rng, folders)
        self.world.ledger.answers = Random(f"{seed} answers")
        self.log: list[str] = []
        self.scenes, self._draw = Scenes(self, draw := Random(f"{seed} scenes")), draw

    def run(self) -> list[str]:
        """What was violated."""
        self._disasters()
        self._quiet()
        return list(dict.fromkeys([*self.world.violations, *broken(self.world)]))

    def _disasters(self) -> None:
        self._begin()
        self.world.ledger.fault_rate = self.rng.choice([0.0, 0.03, 0.12])
        for _ in range(self.rng.randint(12, 32)):
            self.note(step(self.world))
            self._bury_tasks()

    def _begin(self) -> None:
        """Some work to meet disasters with."""
        world = self.world
        for act in self.rng.choices([clients.register, clients.put_foreign], k=3):
            self.note(act(world))
            self._end_ghosts(1)
        for upload in world.uploads[:]:
            world.uploads.remove(upload)
            self.note(f"an upload to {upload.ticket.url}: {world.put(upload.ticket.url, upload.content)}")
        for key in world.store.object_keys():
            event = ObjectCreated(world.store.bucket, key, None, None, None)
            self.finish(world.start(f"intake of {key}", lambda event=event: workers.intake(world, [event])))

    def _quiet(self) -> None:
        """Faults end, time goes on, sweep and workers run; those who were presumed dead come back among them."""
        world = self.world
        world.ledger.fault_rate, world.store.away = 0.0, False
        world.wakes_are_lost = 0.0
        self.note(let_time_pass(world, 91))
        self._bury_tasks()
        self.come_to_rest(self.enough())
        self._end_ghosts(len(world.tasks))
        self._some(self.scenes.a_failure_over_a_text, 0.1)
        self._some(self.scenes.operators, 0.9)
        self._some(self.scenes.an_overwrite_midway, 0.07)
        self._some(self.scenes.an_upload_in_vain, 0.15)
        self._some(self.scenes.a_head_from_before, 0.08)
        self._later(minutes=17)  # uploads that never came expire
        self._slow_uploads_end()
        self._some(self.scenes.operators, 0.5)
        self._later(minutes=100)  # and are looked for no more; tombstones have done their work
        self._some(self.scenes.a_month_later, 0.15)

    def _some(self, scene: Callable[[], None], share: float) -> None:
        if self._draw.random() < share:
            self.note(scene.__name__.replace("_", " "))
            scene()

    def come_to_rest(self, enough: int) -> None:
        for _ in range(enough):
            self._sweep()
        rounds = 0
        while not self._at_rest() and rounds < ROUNDS:
            self.world.wakes = 1  # as the next sweep would have it
            self._work()
            rounds += 1

    def enough(self) -> int:
        """Sweeps after which every upload was looked at, and the bucket was walked through from its begin."""
        foreign = sum(key in FOREIGN_KEYS for key in self.world.store.object_keys())
        batch = self.world.settings.sweep_batch
        in_its_middle = bool(self.world.database.sql("SELECT FROM sweep_cursor WHERE value IS NOT NULL"))
        return max(-(-self._to_look_at() // batch), (1 + in_its_middle) * (foreign // batch + 1))

    def _to_look_at(self) -> int:
        return self.world.database.sql("SELECT count(*) FROM document WHERE look_at <= now()")[0][0]

    def _later(self, minutes: int) -> None:
        self.note(let_time_pass(self.world, minutes * 60))
        self.come_to_rest(max(1, -(-self._to_look_at() // self.world.settings.sweep_batch)))

    def _slow_uploads_end(self) -> None:
        """They began in time, and no event tells of them."""
        self.world.events_are_lost = 1.0
        for upload in self.world.uploads:
            if upload.began is not None and self.world.clock.now <= open_until(upload.ticket):
                conditional = upload.ticket.method == "PUT"
                self.note(
                    f"a slow upload to {upload.ticket.url}: {self.world.put(upload.ticket.url, upload.content, if_none_match=conditional)}"
                )

    def _sweep(self) -> None:
        self.note(let_time_pass(self.world, 10))
        self.finish(self.world.start("sweep", lambda: workers.sweep(self.world)))
        self._work()

    def _work(self) -> None:
        """One worker, however often it was said, then whoever is woken by a worker; a ghost comes back after each."""
        self.world.wakes = min(self.world.wakes, 1)
        while self.world.wakes:
            self.world.wakes -= 1
            self.finish(self.world.start("ocr", lambda: workers.ocr(self.world, 8)))
            self._end_ghosts(1)
        self._end_ghosts(1)

    def _at_rest(self) -> bool:
        """Nothing is under way."""
        world = self.world
        due = world.database.sql("SELECT min(due_at) FROM work")[0][0]
        if due is not None and due >= world.clock.now:  # what backs off need not be waited for sweep by sweep
            self.note(let_time_pass(world, 1 + (due - world.clock.now) / timedelta(seconds=1)))
        return due is None and not world.tasks

    def finish(self, task: Task) -> None:
        while not task.over:
            task.step()
        self._bury_tasks()

    def _end_ghosts(self, count: int) -> None:
        """Who was presumed dead comes back, and writes what it can."""
        for task in list(self.world.tasks)[:count]:
            self.finish(task)

    def _bury_tasks(self) -> None:
        for task in [task for task in self.world.tasks if task.over]:
            self.world.tasks.remove(task)
            self.note(f"{task.name} ends: {task.outcome}")
            if task.crash is not None and not isinstance(task.crash, EXPECTED):
                self.world.violations.append(f"{task.name} ended with {task.crash!r}")

    def note(self, what: str | None) -> None:
        said, self.world.ledger.said[:] = "; ".join(self.world.ledger.said), []
        self.log.append(f"{len(self.log):4} {self.world.clock.seconds:11.3f}  {what or 'nothing to do'}{f'  [{said}]' if said else ''}")


@contextmanager
def _drawn_from(seed: int) -> Iterator[None]:
    """Ids and jitter come out of the seed too: an id decides in which order rows are found that are equal otherwise."""
    ids, real, state = Random(f"{seed} ids"), uuid.uuid4, random.getstate()
    random.seed(f"{seed} jitter")
    uuid.uuid4 = lambda: uuid.UUID(int=ids.getrandbits(128), version=4)
    try:
        yield
    finally:
        uuid.uuid4 = real
        random.setstate(state)


def play(seed: int, database: SimulatedDatabase, folders: Folders, rewrite: Rewrite | None = None) -> Verdict:
    """Run the schedule of this seed, with the ledger's statements as they are or rewritten."""
    with _drawn_from(seed):
        schedule = Schedule(seed, database, folders)
        if rewrite is not None:
            database.rewrite = rewrite
        try:
            violations = schedule.run()
        finally:
            for task in schedule.world.tasks:
                task.kill()
    return Verdict(seed, _named(violations, schedule.world), [_name(line, schedule.world) for line in schedule.log])


def _named(lines: list[str], world: World) -> list[str]:
    return [_name(line, world) for line in lines]


def _name(line: str, world: World) -> str:
    """Documents by the order in which clients came to know them, as far as they did."""
    for number, document_id in enumerate(world.memory.documents, 1):
        line = line.replace(document_id, f"D{number}")
    return line
