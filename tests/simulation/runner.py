"""Many schedules: a range of seeds here, or shared out between processes."""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.simulation.database import SimulatedDatabase
from tests.simulation.schedule import Verdict, play
from tests.simulation.wire import Rewrite
from tests.simulation.world import Folders
from tests.support.postgres import _database

ROOT = Path(__file__).parents[2]


@contextmanager
def simulated_database(server: str) -> Iterator[SimulatedDatabase]:
    """A database of the simulator's own on the server with this maintenance database."""
    with _database(server, "template0") as url:
        database = SimulatedDatabase(url)
        try:
            yield database
        finally:
            database.dispose()


@contextmanager
def in_silence() -> Iterator[None]:
    """Hundreds of simulated disasters are no news."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def verdicts(seeds: Iterable[int], database: SimulatedDatabase, rewrite: Rewrite | None = None) -> Iterator[Verdict]:
    with tempfile.TemporaryDirectory(prefix="docusnap-simulation-") as parent, in_silence():
        folders = Folders(Path(parent))
        for seed in seeds:
            yield play(seed, database, folders, rewrite)


def play_shared(seeds: Sequence[int], server: str, processes: int) -> tuple[int, str]:
    """Play the seeds in so many processes; the number that failed, and what they printed."""
    command = [sys.executable, "-m", "tests.simulation", "--server", server]
    children = [
        subprocess.Popen([*command, *map(str, seeds[number::processes])], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for number in range(processes)
    ]
    printed = [child.communicate()[0] for child in children]
    return sum(child.returncode != 0 for child in children), "".join(printed)
