"""Many schedules: a range of seeds here, or shared out between processes."""

from __future__ import annotations

import logging
import os
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
MOST_SERVERS = 4  # on a machine of many cores: each takes seconds to start
UNPINNED = 3  # processes, for two cores


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


def play_shared(seeds: Sequence[int], server: str | None) -> tuple[int, str]:
    """Play the seeds in several processes, on this server or each on an embedded one of its own; how many failed, and what they printed."""
    command, shares = [sys.executable, "-m", "tests.simulation"], _shares(server, _cores())
    children = [
        subprocess.Popen([*command, *share, *map(str, seeds[number :: len(shares)])], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for number, share in enumerate(shares)
    ]
    printed = [child.communicate()[0] for child in children]
    return sum(child.returncode != 0 for child in children), "".join(printed)


def _cores() -> list[int]:
    """Those that a process can be kept on; none where the system cannot."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []


def _shares(server: str | None, cores: list[int]) -> list[list[str]]:
    """The arguments of each process.

    A process and its server take turns: on one core together they need not wake each other across two, which took a sixth of the time.
    A server that somebody else started stays where it is, so there a third process fills the waits of two.
    """
    if server is None and cores:
        return [["--core", str(core)] for core in cores[:MOST_SERVERS]]
    named = [] if server is None else ["--server", server]
    return [named] * (1 if len(cores) == 1 else UNPINNED)
