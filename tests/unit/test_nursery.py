"""A nursery and its children: what the death of one costs the others, and what a child may see. What a child answers: test_child."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from docusnap import errors
from docusnap.adapters import nursery as module
from docusnap.adapters.child import Child, ChildDied, ChildTimeout, ChildUnborn
from docusnap.adapters.decoder.process import PROGRAM
from docusnap.adapters.nursery import Nursery

from tests.support import disasters, full_machine

PATIENTLY = 60
CHILDRENS_MEMORY = 512 << 20
Admit = Callable[..., Child]


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    started = Nursery([disasters.__file__, "nurse"], memory_bytes=CHILDRENS_MEMORY)
    yield started
    started.close()


@pytest.fixture
def born(nursery: Nursery) -> Iterator[Callable[[], Child]]:
    """Has a child born, and ends it with the test."""
    children: list[Child] = []

    def bear() -> Child:
        children.append(Child(nursery.born(PATIENTLY)))
        return children[-1]

    yield bear
    for child in children:
        child.close()


class Stopping:
    """A clock of a process that was told to stop."""

    def remaining(self) -> float:
        return 0.0

    def stopping(self) -> bool:
        return True


def echoes(child: Child) -> bool:
    return child.ask({"do": "echo"}, b"here", timeout=PATIENTLY)[1] == b"here"


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENTLY
    while not condition():
        assert time.monotonic() < deadline, f"it did not come true within {PATIENTLY} s"
        time.sleep(0.01)


def wires(pid: int) -> list[str]:
    """What a process's open descriptors lead to."""
    return [str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir() if fd.is_symlink()]


def test_a_nursery_that_was_killed_costs_the_next_child_nothing(nursery: Nursery, born: Admit) -> None:
    assert echoes(born())
    dead = nursery.pid
    os.kill(dead, signal.SIGKILL)
    assert echoes(born())
    assert nursery.pid != dead


def test_threads_that_meet_a_dead_nursery_start_one_other(nursery: Nursery, born: Admit) -> None:
    os.kill(nursery.pid, signal.SIGKILL)
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda _: echoes(born()), range(8))) == [True] * 8
    assert len(_children_of(nursery.pid)) == 8


def test_the_children_of_a_nursery_that_was_killed_end_with_it(nursery: Nursery, born: Admit) -> None:
    idle, busy = born(), born()
    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(lambda: busy.ask({"do": "hang"}, timeout=PATIENTLY))
        assert echoes(idle)
        os.kill(nursery.pid, signal.SIGKILL)
        with pytest.raises(ChildDied):
            asked.result()
    until(lambda: not idle.alive)
    with pytest.raises(ChildDied):
        idle.ask({"do": "echo"}, timeout=PATIENTLY)


def test_a_nursery_that_hangs_costs_its_callers_their_time_and_no_more(
    nursery: Nursery, born: Admit, monkeypatch: pytest.MonkeyPatch
) -> None:
    child, hanging = born(), nursery.pid
    os.kill(hanging, signal.SIGSTOP)
    monkeypatch.setattr(module, "ENDED_SECONDS", 0.1)
    child.close()
    with pytest.raises(ChildTimeout):
        nursery.born(0.1)
    assert echoes(born())
    assert nursery.pid != hanging


def test_a_worker_that_is_told_to_stop_does_not_wait_for_a_birth(nursery: Nursery) -> None:
    os.kill(nursery.pid, signal.SIGSTOP)
    with pytest.raises(errors.Interrupted):
        nursery.born(PATIENTLY, Stopping())


@pytest.mark.parametrize("deed", ["echo", "hang"])
def test_neither_nursery_nor_child_outlives_a_worker_that_was_killed(deed: str) -> None:
    worker = (
        "import sys; from docusnap.adapters.child import Child; from docusnap.adapters.nursery import Nursery;"
        f"n = Nursery([{disasters.__file__!r}, 'nurse'], memory_bytes=2 << 30); c = Child(n.born({PATIENTLY}));"
        f"c.ask({{'do': 'echo'}}, timeout={PATIENTLY}); print('up', flush=True);"
        f"c.ask({{'do': {deed!r}}}, timeout={PATIENTLY}); sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", worker], **pipes) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        process.kill()
        process.communicate(timeout=PATIENTLY)  # all of them hold the same stderr: its end of file means that all are gone


def test_fifty_children_leave_no_descriptor_and_no_process_behind(nursery: Nursery) -> None:
    def one() -> None:
        child = Child(nursery.born(PATIENTLY))
        assert echoes(child)
        child.close()

    one()
    # Settled before they are counted: what an earlier test left to the garbage, and the first child. What still ends later is no leak.
    gc.collect()
    until(lambda: not _children_of(nursery.pid))
    ours, nurserys = len(wires(os.getpid())), len(wires(nursery.pid))
    for _ in range(50):
        one()
    until(lambda: len(wires(os.getpid())) <= ours and len(wires(nursery.pid)) <= nurserys)
    assert _children_of(nursery.pid) == []


def test_a_child_holds_its_two_pipes_and_nothing_of_the_nursery_or_of_another_child(born: Admit) -> None:
    children = [born() for _ in range(3)]
    assert all(echoes(child) for child in children)
    for child in children:
        own, streams = wires(child.pid), [str(Path(f"/proc/{child.pid}/fd/{fd}").readlink()) for fd in range(3)]
        assert streams[:2] == ["/dev/null", "/dev/null"]
        for stream in streams:
            own.remove(stream)
        assert [wire.partition(":")[0] for wire in own] == ["pipe", "pipe"]


def test_a_child_has_a_process_group_of_its_own_and_no_secret_of_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    nursery = Nursery([disasters.__file__, "nurse"], memory_bytes=CHILDRENS_MEMORY)
    child = Child(nursery.born(PATIENTLY))
    seen = child.ask({"do": "look"}, timeout=PATIENTLY)[0]
    ours = nursery.pid, child.pid
    child.close()
    nursery.close()
    assert seen["pgid"] == child.pid
    assert [name for name in seen["env"] if "AWS" in name] == []
    assert len({*ours, os.getpid()}) == 3


def test_the_memory_that_a_child_held_is_told_and_is_none_of_its_parents(nursery: Nursery, born: Admit) -> None:
    ours = b"x" * (256 << 20)
    with pytest.raises(ChildDied) as small:
        born().ask({"do": "leave", "status": 0}, timeout=PATIENTLY)
    with pytest.raises(ChildDied) as large:
        born().ask({"do": "abort_when_full"}, timeout=PATIENTLY)
    assert 0 < small.value.peak_bytes < len(ours)
    assert CHILDRENS_MEMORY / 4 < large.value.peak_bytes <= CHILDRENS_MEMORY


def test_when_memory_runs_out_the_kernel_spares_the_nursery(nursery: Nursery, born: Admit) -> None:
    assert echoes(born())
    assert Path(f"/proc/{nursery.pid}/oom_score_adj").read_text() == Path("/proc/self/oom_score_adj").read_text()


def test_the_decoders_nursery_has_no_thread_that_a_fork_would_lose() -> None:
    nursery = Nursery(PROGRAM, memory_bytes=CHILDRENS_MEMORY)
    child = Child(nursery.born(PATIENTLY))  # the imports are done
    assert len(list(Path(f"/proc/{nursery.pid}/task").iterdir())) == 1
    child.close()
    nursery.close()


def test_where_the_machine_has_room_for_no_process_the_nursery_lives_on() -> None:
    nursery = Nursery([full_machine.__file__], memory_bytes=CHILDRENS_MEMORY)
    for _ in range(2):
        with pytest.raises(ChildUnborn, match="Resource temporarily unavailable"):
            nursery.born(PATIENTLY)
    child = Child(nursery.born(PATIENTLY))
    assert echoes(child)
    child.close()
    nursery.close()


def test_a_program_that_cannot_start_is_no_hang() -> None:
    nursery = Nursery(["-c", "raise SystemExit(1)"], memory_bytes=CHILDRENS_MEMORY)
    with pytest.raises(ChildUnborn):
        nursery.born(PATIENTLY)
    nursery.close()


def _children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
