"""python -m tests.simulation SEED: play the schedule of a seed, and print its steps and what each did.

Several seeds, or FIRST-LAST: only what failed is printed, each with the command that replays it.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.simulation.runner import simulated_database, verdicts
from tests.support.postgres import _embedded


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seeds", nargs="+", metavar="SEED", help="a number, or FIRST-LAST")
    parser.add_argument("--server", default=os.environ.get("DOCUSNAP_TEST_DATABASE_URL"), help="the embedded one where not given")
    parser.add_argument("--core", type=int, help="stay on this one, and the embedded server too")
    options = parser.parse_args(arguments)
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})  # before the server starts, which inherits it
    seeds = [seed for words in options.seeds for seed in _range(words)]
    with _server(options.server) as server:
        return _play(seeds, server)


def _range(words: str) -> range:
    first, _, last = words.partition("-")
    return range(int(first), int(last or first) + 1)


@contextmanager
def _server(url: str | None) -> Iterator[str]:
    if url:
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="docusnap-pg-", ignore_cleanup_errors=True) as folder, _embedded(Path(folder)) as embedded:
        yield embedded


def _play(seeds: list[int], server: str) -> int:
    failed, began = 0, time.monotonic()
    with simulated_database(server) as database:
        for verdict in verdicts(seeds, database):
            if len(seeds) == 1:
                print("\n".join(verdict.log))
            if verdict.violations:
                failed += 1
                print(f"\nseed {verdict.seed} failed; replay: .venv/bin/python -m tests.simulation {verdict.seed}")
                print("\n".join(f"  - {sentence}" for sentence in verdict.violations))
    print(f"\n{len(seeds)} schedules, {failed} failed, {time.monotonic() - began:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
