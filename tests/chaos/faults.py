"""What is done to the running stack, one after the other. A fault returns when it is over; what follows is the stack's own affair."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.homes.embedded_home import EmbeddedHome
from tests.chaos.documents import Paper
from tests.chaos.flight import Flight
from tests.chaos.hosts import cmdline
from tests.chaos.sender import Sender
from tests.support.waiting import eventually

STORE_SECONDS = 10.0
TARGET_SECONDS = 12.0
SCRATCH_SECONDS = 8.0
SCRATCH_BYTES = 4 << 20
AT_WORK_SECONDS = 5.0  # in which a child with documents before it is seen at work
TRIES = 10  # there is work for more than those with a document of their own
COUNTED_SECONDS = 5.0  # in which the ledger has the death of a child at work


@dataclass
class Victim:
    """What a fault may reach."""

    home: EmbeddedHome
    sender: Sender
    flight: Flight
    draw: random.Random
    papers: Sequence[Paper] = ()  # those that this fault's clients send while it lasts, for a fault that says when
    struck: float = 0.0  # when it was done
    unheard: Sequence[Paper] = ()  # whose events nobody took

    def kill(self, pid: int, signum: signal.Signals = signal.SIGKILL) -> None:
        self.struck = time.time()
        os.kill(pid, signum)

    def leader(self, part: str) -> int:
        """The process of a part that the supervisor started itself: the first of its session."""
        return eventually(lambda: next((pid for pid in self.home.kin.alive(part) if _session(pid) == pid), 0), f"{part} runs", 30)

    def session(self) -> int:
        """A PostgreSQL process that serves a client."""
        found = lambda: [pid for pid in children(self.leader("database")) if "docusnap docusnap" in cmdline(pid)]  # noqa: E731
        return self.draw.choice(eventually(found, "a session is open", 30))

    def kill_at_work(self, program: str, busy: Callable[[int], bool], code: str) -> None:
        """A child of the OCR worker, or of a child's, in the middle of its work: until the ledger counts the death.

        One that looks busy may be at its start, or have answered already; its death counts nothing, and the next one is killed.
        """
        papers = list(self.papers)
        for _ in range(TRIES):
            self.sender.send([papers.pop()] if papers else [])
            if pid := self._at_work(program, busy):
                self.kill(pid)
                with suppress(AssertionError):
                    eventually(lambda: self.flight.counted(code), "it is counted", COUNTED_SECONDS)
            if self.flight.counted(code):
                return self.sender.send(papers)
        raise AssertionError(f"no {program} died at work in {TRIES} tries")

    def _at_work(self, program: str, busy: Callable[[int], bool]) -> int:
        worker, deadline = self.beside_gunicorn("worker"), time.monotonic() + AT_WORK_SECONDS
        while time.monotonic() < deadline:
            for pid in descendants(worker):
                if program in cmdline(pid) and busy(pid):
                    return pid
            time.sleep(0.001)
        return 0

    def beside_gunicorn(self, part: str) -> int:
        """A worker process of a gunicorn, a child of its master."""
        leader = self.leader(part)
        return self.draw.choice(eventually(lambda: children(leader), f"gunicorn of {part} has workers", 30))


@dataclass(frozen=True, slots=True)
class Fault:
    name: str  # in the table
    act: Callable[[Victim], None]
    kills_worker: bool = False  # all that hold leases of the stack's own
    sends: bool = False  # its clients' documents while it lasts, itself


def faults() -> Sequence[Fault]:
    """Every fault, each once."""
    return [
        Fault("`kill -9` gateway, its master", lambda on: on.kill(on.leader("gateway"))),
        Fault("`kill -9` gateway, a worker process", lambda on: on.kill(on.beside_gunicorn("gateway"))),
        Fault("`kill -9` OCR worker, its master", lambda on: on.kill(on.leader("worker")), kills_worker=True),
        Fault("`kill -9` OCR worker, the process that holds leases", lambda on: on.kill(on.beside_gunicorn("worker")), kills_worker=True),
        Fault(
            "`kill -9` recogniser, the worker's child", lambda on: on.kill_at_work("engine_process", computes, "engine_crashed"), sends=True
        ),
        Fault(
            "`kill -9` decoder, the worker's child",
            lambda on: on.kill_at_work("decoder.child", reads_a_file, "decoder_crashed"),
            sends=True,
        ),
        Fault("`kill -9` sweep timer", lambda on: on.kill(on.leader("sweep"))),
        Fault("`kill -9` store", lambda on: on.kill(on.leader("store"))),
        Fault("`kill -9` PostgreSQL, the postmaster", lambda on: on.kill(on.leader("database"))),
        Fault("`kill -9` PostgreSQL, a session", lambda on: on.kill(on.session())),
        Fault("`kill -9` supervisor, then `docusnap up` again", kill_supervisor, kills_worker=True),
        Fault("PostgreSQL restarted", lambda on: on.kill(on.leader("database"), signal.SIGINT)),
        Fault(f"store down for {STORE_SECONDS:.0f} s, connections refused", store_down),
        Fault(f"store hangs for {STORE_SECONDS:.0f} s, connections taken", store_hangs),
        Fault(f"the webhook's target down for {TARGET_SECONDS:.0f} s", target_down, sends=True),
        Fault(f"scratch disk full for {SCRATCH_SECONDS:.0f} s", scratch_full),
    ]


def kill_supervisor(on: Victim) -> None:
    on.kill(on.home.process.pid)
    on.home.process.wait()
    on.home.start()


def store_down(on: Victim) -> None:
    on.struck = time.time()
    on.home.stop_store()
    time.sleep(STORE_SECONDS)
    on.home.start_store()


def store_hangs(on: Victim) -> None:
    store = on.leader("store")
    on.kill(store, signal.SIGSTOP)
    time.sleep(STORE_SECONDS)
    os.kill(store, signal.SIGCONT)


def target_down(on: Victim) -> None:
    """Intake is a part of the gateway: documents are registered before, and their objects arrive while nobody takes the events."""
    tickets = [(paper, on.sender.register(paper)) for paper in on.papers]
    on.unheard = on.papers
    on.struck, began = time.time(), time.monotonic()
    on.home.process.send_signal(signal.SIGSTOP)
    on.home.kin.kill("gateway")
    for paper, ticket in tickets:
        on.sender.put(paper, ticket)
    time.sleep(max(0.0, TARGET_SECONDS - (time.monotonic() - began)))
    on.home.process.send_signal(signal.SIGCONT)


def scratch_full(on: Victim) -> None:
    """Whatever room the worker gives back is taken too, until the disk is freed."""
    on.struck = time.time()
    ballast, ends = on.home.home / "scratch" / "ballast", time.monotonic() + SCRATCH_SECONDS
    with ballast.open("wb", buffering=0) as file:
        while time.monotonic() < ends:
            with suppress(OSError):
                while file.write(bytes(4096)):
                    pass
            time.sleep(0.01)
    ballast.unlink()


def mount_scratch(home: EmbeddedHome) -> None:
    """A small disk of the test's own, in its own mount namespace."""
    folder = home.home / "scratch"
    folder.mkdir(parents=True)
    home.home.chmod(0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SCRATCH_BYTES}", "chaos", folder], check=True)


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return 0


def children(pid: int) -> list[int]:
    """Of all its threads."""
    with suppress(OSError):
        return [int(child) for tasks in Path(f"/proc/{pid}/task").glob("*/children") for child in tasks.read_text().split()]
    return []


def descendants(pid: int) -> list[int]:
    return [one for child in children(pid) for one in (child, *descendants(child))]


def computes(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("R")
    return False


def reads_a_file(pid: int) -> bool:
    with suppress(OSError):
        return any("/scratch/" in str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir())
    return False
