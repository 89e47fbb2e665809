"""The next step of a schedule, drawn from its seed: who goes on, who begins, who dies, and how much time passes."""

from __future__ import annotations

from collections.abc import Callable

from docusnap.model import ObjectCreated

from tests.simulation import clients, workers
from tests.simulation.tasks import Task
from tests.simulation.world import World

SIGHTING = 14.0  # seconds for which what a HEAD told is believed: less than ledger.REAPPEARS
MOST_TASKS = 6
AT_WORK = frozenset({"a fetch", "the engine", "split", "finish", "fail", "hand_over"})  # where a worker holds a lease

Step = Callable[[World], "str | None"]


def step(world: World) -> str | None:
    """Draw and take a step; None where several found nothing to act on."""
    drawn: list[Step] = world.rng.choices(list(STEPS), list(STEPS.values()), k=5)
    return next((what for chosen in drawn if (what := chosen(world)) is not None), None)


def _go_on(world: World) -> str | None:
    if not world.tasks:
        return None
    task = world.rng.choice(world.tasks)
    where = task.at
    task.step()
    return f"{task.name} goes on from {where}"


def _run(world: World) -> str | None:
    """One goes on for long, and nobody comes in between."""
    if not world.tasks:
        return None
    task = world.rng.choice(world.tasks)
    steps(task, world.rng.randint(2, 12))
    return f"{task.name} goes on to {task.at}"


def _begin(world: World, name: str, job: Callable[[], object]) -> str | None:
    if len(world.tasks) >= MOST_TASKS:
        return None
    world.start(name, job).step()
    return f"{name} begins"


def _deliver(world: World) -> str | None:
    """Notifications come in any order, twice, or never."""
    if not world.pending or len(world.tasks) >= MOST_TASKS:
        return None
    event = world.rng.choice(world.pending)
    if world.rng.random() < 0.75:
        world.pending.remove(event)
    if world.rng.random() < 0.1:
        return f"the event of {event.key} {event.etag} is lost"
    return _begin(world, f"intake of {event.key} {event.etag}", lambda: workers.intake(world, [event]))


def _stray(world: World) -> str | None:
    """A notification that names what nobody knows."""
    event = ObjectCreated(world.rng.choice([world.store.bucket, "elsewhere"]), "uploads/acme-nobody", "e0", 1, None)
    return _begin(world, "intake of a stray event", lambda: workers.intake(world, [event]))


def _wake(world: World) -> str | None:
    if world.wakes and world.rng.random() < 0.7:  # else it comes twice, or out of nowhere
        world.wakes -= 1
    claims = world.rng.randint(1, 5)
    return _begin(world, "ocr", lambda: workers.ocr(world, claims))


def _take_over(world: World) -> str | None:
    """A worker is presumed dead while it lives: its lease runs out, another takes up its work, the first comes back, at times to stop."""
    held = [task for task in world.tasks if task.name == "ocr" and task.at in AT_WORK]
    if not held or len(world.tasks) >= MOST_TASKS:
        return None
    ghost = world.rng.choice(held)
    passed = let_time_pass(world, 91)
    other = world.start("ocr", lambda: workers.ocr(world, 6))
    for _ in range(25):
        if world.observer.taken_over(ghost.holds):
            break
        steps(other, 1)
    ghost.told_to_stop = world.rng.random() < 0.4
    # What it reports then must not count: the page is another's.
    ghost.engine_breaks = world.observer.taken_over(ghost.holds) and world.ledger.answers.random() < 0.5
    steps(ghost, world.rng.choice([0, 2, 5]))
    return f"{passed}, another ocr takes over, up to {other.at}, and the first comes back, up to {ghost.at}"


def steps(task: Task, steps: int) -> None:
    for _ in range(steps):
        if not task.over:
            task.step()


def _sweep(world: World) -> str | None:
    return _begin(world, "sweep", lambda: workers.sweep(world))


def _kill(world: World) -> str | None:
    if not world.tasks:
        return None
    task = world.rng.choice(world.tasks)
    where = task.at
    task.kill()
    return f"kill -9 of {task.name} at {where}"


def _stop(world: World) -> str | None:
    """SIGTERM."""
    if not (working := [task for task in world.tasks if task.name == "ocr"]):
        return None
    task = world.rng.choice(working)
    task.told_to_stop = True
    return f"SIGTERM to {task.name} at {task.at}"


def _weather(world: World) -> str | None:
    world.store.away = not world.store.away
    return "the store is away" if world.store.away else "the store is back"


def _restart(world: World) -> str | None:
    """The home of all workers starts anew, and knows that none of before lives."""
    for task in list(world.tasks):
        if task.name == "ocr":
            task.kill()
    world.start("restart", world.ledger.release_leases).step()
    return "every worker is killed, and the home starts again"


def _time(world: World) -> str | None:
    seconds = world.rng.choices([1.0, 6.0, 30.0, 91.0, 320.0, 1_000.0, 4_000.0, 90_000.0, 2_700_000.0], [4, 4, 4, 6, 3, 2, 1.5, 0.3, 0.3])[
        0
    ]
    return let_time_pass(world, seconds)


def let_time_pass(world: World, seconds: float) -> str:
    """Who has looked at the bucket does not tell of it for longer than `SIGHTING`: such a call is over by then, one way or the other."""
    held = [task for task in world.tasks if _holds_sighting(task) and (world.clock.now - task.began).total_seconds() + seconds > SIGHTING]
    for task in held:
        if world.rng.random() < 0.5:
            task.kill()
        while not task.over:
            task.step()
    world.clock.pass_(seconds)
    return f"{seconds:g} s pass"


def _holds_sighting(task: Task) -> bool:
    return task.name.startswith(("intake", "sweep"))


STEPS: dict[Step, float] = {
    _go_on: 14,
    _run: 8,
    _deliver: 8,
    _wake: 8,
    _take_over: 9,
    _sweep: 3,
    _time: 6,
    _kill: 2,
    _stop: 1,
    _weather: 0.7,
    _restart: 0.4,
    _stray: 0.2,
    clients.register: 3,
    clients.upload: 7,
    clients.put_foreign: 3,
    clients.remove_object: 0.5,
    clients.cancel: 1.5,
    clients.delete: 1.5,
    clients.reprocess: 2.5,
    clients.read: 1.5,
    clients.redrive: 1.2,
    clients.drop: 0.5,
}
