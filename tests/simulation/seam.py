"""The ledger as the simulated processes see it: each call may be paused at, struck by a fault, and is looked at by the observer."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import sqlalchemy as sa
from docusnap.errors import DatabaseUnavailable

from tests.simulation.database import SimulatedDatabase
from tests.simulation.observer import WRITES, Observer
from tests.simulation.tasks import current, pause
from tests.simulation.wire import Fault

ANSWERS_LOST = 0.3  # of a worker's writes, while there are faults: it asks again, and must not be heard twice
QUIET = frozenset({"queued", "document", "cursor", "due"})  # reads that decide little: nobody needs to come in between


class Seam:
    """Every call of PostgresLedger, by its own name."""

    def __init__(self, database: SimulatedDatabase, observer: Observer, rng: Random) -> None:
        self._database, self._observer, self._rng = database, observer, rng
        self.answers = Random(0)  # drawn from apart
        self.fault_rate = 0.0
        self.said: list[str] = []  # what was called since somebody last looked, for the log

    def __getattr__(self, name: str) -> Callable[..., Any]:
        real = getattr(self._database.ledger, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            if name not in QUIET:
                pause(name)
            elif (task := current()) is not None:
                task.check()
            return self._call(name, real, args, kwargs)

        return call

    def _call(self, name: str, real: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        self._database.clock.tick()
        self._database.fault = fault = self._fault() or self._answer_lost(name)
        try:
            result = real(*args, **kwargs)
            self._observer.saw(name, args, kwargs, result)
            self.said.append(f"{name}={_short(result)}" + (f" ({fault})" if fault else ""))
            if fault is not None:
                self._database.fault = None
                fault.after()
            return result
        except sa.exc.OperationalError as exc:  # the answer was lost on its way
            raise DatabaseUnavailable from exc
        except BaseException as exc:
            if isinstance(exc, sa.exc.SQLAlchemyError):  # a worker takes it for the page's failure, and nobody hears of it
                self._observer.violations.append(f"{name} ended with {type(exc).__name__}")
            if fault is not None and fault.struck:
                self.said.append(f"{name}: {fault}")
            else:
                self.said.append(f"{name}: {type(exc).__name__}")
            raise
        finally:
            self._database.fault = None

    def _answer_lost(self, name: str) -> Fault | None:
        lost = name in WRITES and self.fault_rate and self.answers.random() < ANSWERS_LOST
        return Fault("gone", "after") if lost else None

    def _fault(self) -> Fault | None:
        if current() is None or self._rng.random() >= self.fault_rate:
            return None
        where = self._rng.choice(["before", "before", "at commit", "after", "after"])
        what = self._rng.choice(["killed", "killed", "gone", "gone"] if where != "before" else ["killed", "gone", "deadlock"])
        return Fault(what, where, self._rng.randint(1, 6))


def _short(result: Any) -> str:
    if isinstance(result, list):
        return f"{len(result)} rows"
    return str(getattr(result, "outcome", None) or getattr(result, "page", None) or getattr(result, "id", None) or result)[:60]
