"""Programs are started, started again, and ended with all that they started; the programs here are real ones."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from docusnap.hosts.embedded import processes
from docusnap.hosts.embedded.parent import blocked
from docusnap.hosts.embedded.plan import decide
from docusnap.hosts.embedded.processes import Child, Kin, Program, describe, last_line, mark, rotate
from docusnap.hosts.embedded.screen import Stopwatch
from docusnap.hosts.embedded.stack import Stack

SLEEPER = "import time; time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
PARENT = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {SLEEPER!r}], start_new_session=True); time.sleep(600)"

SOCIABLE = """
import signal, sys, time
from pathlib import Path
def told(*_):
    Path({own!r}).touch()
    while not all(Path(other).exists() for other in {others!r}):
        time.sleep(0.01)
    sys.exit(0)
signal.signal(signal.SIGTERM, told)
print("listening", flush=True)
time.sleep(600)
"""  # ends when it knows that all of them were asked


@pytest.fixture
def kin(tmp_path: Path) -> Iterator[Kin]:
    found = Kin(tmp_path, tmp_path / "postgres")
    yield found
    found.kill()


def program(kin: Kin, code: str, grace: float = 5.0) -> Program:
    name, _, value = mark(kin.home, "part").partition("=")
    return Program("part", (sys.executable, "-c", code), {**os.environ, name: value}, kin.home / "part.log", grace=grace)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not come true within 20 s"
        time.sleep(0.02)


def never() -> bool:
    return False


def test_a_child_that_listens_ends_at_once(kin: Kin) -> None:
    child = Child(program(kin, SLEEPER), kin)
    child.start()
    child.stop(never)
    assert child.status() == -signal.SIGTERM
    assert kin.alive() == []


def test_a_child_that_does_not_listen_is_killed_after_its_grace(kin: Kin) -> None:
    child = Child(program(kin, DEAF, grace=0.1), kin)
    child.start()
    until(lambda: last_line(child.program.log) == "deaf")
    child.stop(never)
    assert child.status() == -signal.SIGKILL


def test_impatience_ends_the_grace(kin: Kin) -> None:
    child = Child(program(kin, DEAF, grace=600), kin)
    child.start()
    until(lambda: last_line(child.program.log) == "deaf")
    child.stop(lambda: True)
    assert child.status() == -signal.SIGKILL


def test_what_a_child_started_ends_with_it_even_in_a_session_of_its_own(kin: Kin) -> None:
    child = Child(program(kin, PARENT), kin)
    child.start()
    until(lambda: len(kin.alive("part")) == 2)
    child.stop(never)
    assert kin.alive() == []


def test_a_child_may_give_way_to_the_others_also_as_a_session(kin: Kin) -> None:
    child = Child(replace(program(kin, SLEEPER), niceness=3), kin)
    child.start()
    assert child.pid is not None
    until(lambda: os.getpriority(os.PRIO_PROCESS, child.pid or 0) == os.getpriority(os.PRIO_PROCESS, 0) + 3)
    if (session := Path(f"/proc/{child.pid}/autogroup")).exists():  # as the kernel was built
        assert session.read_text().endswith("nice 3\n")
    child.stop(never)


def test_a_child_that_dies_is_started_again_and_it_is_said(kin: Kin) -> None:
    child, said = Child(program(kin, SLEEPER), kin), list[str]()
    child.start()
    first = child.pid
    child.mend(said.append)
    assert child.pid == first
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: child.status() is not None)
    child.mend(said.append)
    assert child.pid != first
    assert child.status() is None
    assert said == [f"part ended (SIGKILL); it is started again. Its log: {child.program.log}"]
    child.stop(never)


def test_a_child_that_dies_again_and_again_is_given_a_pause(kin: Kin) -> None:
    child, said = Child(program(kin, "raise SystemExit(3)"), kin), list[str]()
    child.start()
    for _ in range(2):
        until(lambda: child.status() is not None)
        child.mend(said.append)
    ended = child.pid
    child.mend(said.append)
    assert child.pid == ended  # the second time it is not started at once
    assert child.restarts == 2
    assert "exit status 3" in said[0]


def test_a_killed_supervisor_takes_its_children_along(kin: Kin, tmp_path: Path) -> None:
    supervisor = tmp_path / "supervisor.py"
    supervisor.write_text(
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from docusnap.hosts.embedded.processes import Child, Kin, Program, mark\n"
        "home = Path(sys.argv[1])\n"
        "name, _, value = mark(home, 'part').partition('=')\n"
        f"argv = (sys.executable, '-c', {SLEEPER!r})\n"
        "Child(Program('part', argv, {**os.environ, name: value}, home / 'part.log'), Kin(home, home / 'postgres')).start()\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, supervisor, tmp_path]) as process:
        until(lambda: len(kin.alive()) == 1)
        process.kill()
    until(lambda: kin.alive() == [])


def test_leftovers_of_this_home_are_ended_and_those_of_others_are_not(kin: Kin, tmp_path: Path) -> None:
    other = Kin(tmp_path / "other", tmp_path / "other" / "postgres")
    other.home.mkdir()
    ours, theirs = Child(program(kin, SLEEPER), kin), Child(program(other, SLEEPER), other)
    ours.start()
    theirs.start()
    assert kin.end(grace=5) == 1
    assert theirs.status() is None
    assert ours.status() == -signal.SIGTERM
    theirs.stop(never)


def test_a_log_stays_bounded_while_it_is_written(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    with log.open("ab") as file:
        file.write(b"x" * (processes.LOG_BYTES + 1))
        file.flush()
        rotate(log)
        file.write(b"next\n")
    assert log.read_bytes() == b"next\n"
    assert (tmp_path / "a.log.1").stat().st_size == processes.LOG_BYTES + 1


def test_a_log_is_emptied_even_where_the_disk_has_no_room_for_its_copy(tmp_path: Path) -> None:
    (tmp_path / "a.log.1").symlink_to("/dev/full")
    (tmp_path / "a.log").write_bytes(b"x" * (processes.LOG_BYTES + 1))
    rotate(tmp_path / "a.log")
    assert (tmp_path / "a.log").read_bytes() == b""


def test_a_log_that_cannot_even_be_looked_at_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").touch()
    rotate(tmp_path / "folder" / "a.log")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_child_that_the_machine_has_no_room_for_is_started_later(kin: Kin) -> None:
    child, said = Child(program(kin, SLEEPER), kin), list[str]()
    child.start()
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: child.status() is not None)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))  # EMFILE, whatever is opened
    try:
        child.mend(said.append)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert child.pid == first
    assert "Too many open files" in said[1]
    until(lambda: child.mend(said.append) is None and child.pid != first)
    assert child.status() is None
    child.stop(never)


def test_parts_that_need_not_wait_for_each_other_are_asked_to_stop_together(kin: Kin) -> None:
    environ = {"DOCUSNAP_HOME": str(kin.home), "DATABASE_URL": "postgresql://u@127.0.0.1/x", "S3_ENDPOINT_URL": "http://127.0.0.1:9"}
    decided = decide({**environ, "AWS_ACCESS_KEY_ID": "an-id", "AWS_SECRET_ACCESS_KEY": "a-secret"})
    stack, names = Stack(decided, Stopwatch()), ("sweep", "gateway", "worker")
    for name in names:
        sociable = program(kin, SOCIABLE.format(own=str(kin.home / name), others=[str(kin.home / name) for name in names]))
        stack._run(replace(sociable, name=name, log=kin.home / f"{name}.log"))
    until(lambda: all(last_line(child.program.log) for child in stack._children.values()))
    stack.stop(never)
    assert {name: child.status() for name, child in stack._children.items()} == dict.fromkeys(names, 0)


def test_the_sweep_timer_logs_json_with_all_that_is_told_and_goes_on_after_an_error(kin: Kin, tmp_path: Path) -> None:
    app = tmp_path / "functions" / "sweep" / "app.py"
    app.parent.mkdir(parents=True)
    app.write_text(
        "import logging\n"
        "def handler(event, context):\n"
        "    logging.getLogger('docusnap.sweep').warning('odd', extra={'key': 'incoming/a'})\n"
        "    raise ZeroDivisionError\n"
    )
    timed = program(kin, "import docusnap.hosts.embedded.timer as timer; timer.INTERVAL = 0.01; timer.main()")
    child = Child(replace(timed, environ={**timed.environ, "PYTHONPATH": str(tmp_path)}, cwd=tmp_path), kin)
    child.start()
    until(lambda: len(child.program.log.read_text().splitlines()) >= 4)
    child.stop(never)
    told = [json.loads(line) for line in child.program.log.read_text().splitlines()[:4]]
    assert [line["message"] for line in told] == ["odd", "sweep failed; the next run is in 0 s"] * 2
    assert told[0]["key"] == "incoming/a"
    assert "ZeroDivisionError" in told[1]["traceback"]


def test_ends_are_told_in_words() -> None:
    assert [describe(status) for status in (0, 3, -9, -64)] == ["exit status 0", "exit status 3", "SIGKILL", "SIGRTMAX"]


def test_the_blocked_signals_of_a_process_are_read_from_its_status() -> None:
    assert blocked("Name:\tmake\nSigBlk:\t0000000000004002\nSigIgn:\t0000000000000000\n") == {signal.SIGINT, signal.SIGTERM}
    assert blocked("") == set()
