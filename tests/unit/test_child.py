"""A program in a child process: what it answers, and what its parent sees when it does not."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from docusnap import errors
from docusnap.adapters.child import Child, ChildDied, ChildFailed, ChildTimeout, Interpreter
from docusnap.adapters.nursery import Nursery

from tests.support import disasters

PROGRAM = [str(Path(disasters.__file__))]
PATIENTLY = 60


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """One for all tests: no disaster of a child is its own."""
    started = Nursery([*PROGRAM, "nurse"], memory_bytes=2 << 30)
    yield started
    started.close()


@pytest.fixture(params=["an interpreter of its own", "forked by a nursery"])
def child(request: pytest.FixtureRequest, nursery: Nursery) -> Iterator[Child]:
    started = Child(nursery.born(PATIENTLY) if "nursery" in request.param else Interpreter(PROGRAM, memory_bytes=2 << 30))
    yield started
    started.close()


@dataclass
class ToldToStop:
    """A clock that says stop after it was looked at so often."""

    looks: int = 0

    def remaining(self) -> float:
        return 0.0

    def stopping(self) -> bool:
        self.looks -= 1
        return self.looks < 0


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_an_answer_carries_header_and_payload(child: Child) -> None:
    assert child.ask({"do": "echo", "text": "页"}, b"\x00\xff", timeout=PATIENTLY) == ({"do": "echo", "text": "页"}, b"\x00\xff")


def test_one_child_answers_many_questions(child: Child) -> None:
    answers = [child.ask({"do": "echo", "n": n}, timeout=PATIENTLY)[0]["n"] for n in range(20)]
    assert answers == list(range(20))


def test_a_payload_much_larger_than_a_pipe_arrives_whole(child: Child) -> None:
    payload = os.urandom(1 << 20) * 40
    assert child.ask({"do": "echo"}, memoryview(payload), timeout=PATIENTLY)[1] == payload


def test_what_a_library_prints_does_not_get_into_the_answers(child: Child) -> None:
    assert child.ask({"do": "chatter"}, timeout=PATIENTLY) == ({"read": 0}, b"")
    assert child.ask({"do": "echo"}, b"next", timeout=PATIENTLY)[1] == b"next"


def test_the_child_sees_no_secret_of_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    child = Child(Interpreter(PROGRAM, env={"OMP_NUM_THREADS": "1"}))
    seen = child.ask({"do": "look"}, timeout=PATIENTLY)[0]
    child.close()
    assert "AWS_SECRET_ACCESS_KEY" not in seen["env"]
    assert seen["env"]["OMP_NUM_THREADS"] == "1"
    assert seen["pgid"] != os.getpgid(0)


def test_an_error_of_docusnap_arrives_as_itself_and_the_child_lives_on(child: Child) -> None:
    with pytest.raises(errors.TooManyPages) as caught:
        child.ask({"do": "refuse"}, timeout=PATIENTLY)
    assert (caught.value.detail, caught.value.page, caught.value.members) == ("It has 7 pages.", 7, {"limit": 6})
    assert child.alive


def test_any_other_error_is_told_apart_and_the_child_lives_on(child: Child) -> None:
    with pytest.raises(ChildFailed, match="KeyError: 'stumbled'"):
        child.ask({"do": "stumble"}, timeout=PATIENTLY)
    assert child.ask({"do": "echo"}, b"still here", timeout=PATIENTLY)[1] == b"still here"


def test_memory_beyond_the_bound_is_refused_inside_the_child(child: Child) -> None:
    with pytest.raises(errors.DecodedTooLarge):
        child.ask({"do": "eat_memory", "bytes": 4 << 30}, timeout=PATIENTLY)
    assert child.ask({"do": "eat_memory", "bytes": 1 << 20}, timeout=PATIENTLY)[0] == {"bytes": 1 << 20}


def test_a_crash_names_its_signal(child: Child) -> None:
    with pytest.raises(ChildDied) as caught:
        child.ask({"do": "segfault"}, timeout=PATIENTLY)
    assert caught.value.signal == signal.SIGSEGV
    assert not child.alive


def test_an_exit_names_its_status(child: Child) -> None:
    with pytest.raises(ChildDied, match="status 3") as caught:
        child.ask({"do": "leave", "status": 3}, timeout=PATIENTLY)
    assert (caught.value.returncode, caught.value.signal) == (3, None)


def test_endless_work_ends_at_the_bound_of_its_cpu_time(child: Child) -> None:
    with pytest.raises(ChildDied) as caught:
        child.ask({"do": "spin"}, timeout=PATIENTLY)
    assert caught.value.signal == signal.SIGXCPU


def test_a_hanging_child_is_killed_when_its_time_is_over(child: Child) -> None:
    with pytest.raises(ChildTimeout):
        child.ask({"do": "hang"}, timeout=0.2)
    assert gone(child.pid)


def test_a_child_is_killed_when_its_parent_is_told_to_stop(child: Child) -> None:
    with pytest.raises(errors.Interrupted):
        child.ask({"do": "hang"}, timeout=PATIENTLY, clock=ToldToStop(looks=3))
    assert gone(child.pid)


def test_a_question_larger_than_the_pipe_to_a_dead_child_is_no_hang(child: Child) -> None:
    os.kill(child.pid, signal.SIGKILL)
    with pytest.raises(ChildDied):
        child.ask({"do": "echo"}, bytes(8 << 20), timeout=PATIENTLY)


def test_a_child_that_breaks_the_protocol_is_killed(child: Child) -> None:
    with pytest.raises(ChildDied):
        child.ask({"do": "talk_nonsense"}, timeout=PATIENTLY)
    assert gone(child.pid)


def test_closing_twice_is_harmless_and_leaves_no_process(child: Child) -> None:
    child.close()
    child.close()
    assert gone(child.pid)
    with pytest.raises(ChildDied):
        child.ask({"do": "echo"}, timeout=PATIENTLY)


def test_an_answer_larger_than_was_agreed_is_not_taken_in() -> None:
    child = Child(Interpreter(PROGRAM), answer_bytes=100)
    assert child.ask({"do": "echo"}, bytes(100), timeout=PATIENTLY)[1] == bytes(100)
    with pytest.raises(ChildDied):
        child.ask({"do": "echo"}, bytes(101), timeout=PATIENTLY)
    assert gone(child.pid)


def test_when_memory_runs_out_the_kernel_ends_the_child_before_its_parent(child: Child) -> None:
    child.ask({"do": "echo"}, timeout=PATIENTLY)
    assert Path(f"/proc/{child.pid}/oom_score_adj").read_text() == "1000\n"
    assert Path("/proc/self/oom_score_adj").read_text() != "1000\n"


@pytest.mark.parametrize("deed", ["echo", "hang"])
def test_a_child_does_not_outlive_a_parent_that_was_killed(deed: str) -> None:
    parent_program = (
        "import sys, os, signal; from docusnap.adapters.child import Child, Interpreter;"
        f"c = Child(Interpreter({PROGRAM!r})); c.ask({{'do': 'echo'}}, timeout={PATIENTLY}); print('up', flush=True);"
        f"c.ask({{'do': {deed!r}}}, timeout={PATIENTLY}); sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", parent_program], **pipes) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        parent.kill()
        parent.communicate(timeout=PATIENTLY)  # the child holds the same stderr: its end of file means that both are gone
