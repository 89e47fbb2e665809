"""Starting, watching and ending the programs of the stack, so that none outlives its supervisor."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LOG_BYTES = 10 * 1024 * 1024
MARK = "DOCUSNAP_STACK"  # in the environment of every program of a stack: the home it belongs to, and which part it is
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Program:
    """One program of the stack, and how it is ended."""

    name: str
    argv: tuple[str, ...]
    environ: Mapping[str, str]  # with the entry of `mark`
    log: Path
    cwd: Path | None = None
    fds: tuple[int, ...] = ()  # sockets that it inherits
    user: tuple[int, int] | None = None  # uid and gid to run as, where the supervisor is root
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 3.0  # seconds between the stop signal and SIGKILL
    niceness: int = 0  # added to the supervisor's own


class Child:
    """A program and its present process; started again with a growing pause when it dies."""

    def __init__(self, program: Program, kin: Kin) -> None:
        self.program = program
        self._kin = kin
        self.restarts = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._again_at = 0.0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        self._process = spawn(self.program)
        self._started = time.monotonic()

    def status(self) -> int | None:
        """None while it runs or was never started, else its exit status (negative: the signal that ended it)."""
        return self._process.poll() if self._process else None

    def mend(self, say: Callable[[str], None]) -> None:
        """Start it again if it died: at once the first time, then after 0.5 s, 1 s, … 10 s."""
        if (status := self.status()) is None:
            return
        now = time.monotonic()
        if not self._again_at:
            self.restarts = self.restarts + 1 if now - self._started < 30 else 1
            self._again_at = now + (self._pause() if self.restarts > 1 else 0.0)
            say(f"{self.program.name} ended ({describe(status)}); it is started again. Its log: {self.program.log}")
        if now >= self._again_at:
            self._kin.kill(self.program.name)
            self._start_again(say)

    def _start_again(self, say: Callable[[str], None]) -> None:
        """A machine without room for one more process (EAGAIN, ENOMEM, EMFILE, ENOSPC) is asked again later."""
        try:
            self.start()
        except OSError as exc:
            self.restarts += 1
            self._again_at = time.monotonic() + self._pause()
            say(f"{self.program.name} cannot be started just now ({exc.strerror}); it is tried again.")
        else:
            self._again_at = 0.0

    def _pause(self) -> float:
        return min(10.0, 0.25 * 2.0 ** min(self.restarts - 1, 10))

    def ask_to_stop(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(self.program.stop_signal)

    def stop(self, force: Callable[[], bool]) -> None:
        """Ask, wait for at most its grace (or until `force` says so), then kill it with all that it started."""
        self.ask_to_stop()
        deadline = time.monotonic() + self.program.grace
        while self.status() is None and self._process and time.monotonic() < deadline and not force():
            time.sleep(0.02)
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._kin.kill(self.program.name)


def spawn(program: Program) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own; it is told to stop when the supervisor dies, however that happens.

    Call it from the main thread: Linux tells a child when the *thread* that started it ends.
    """
    rotate(program.log)
    uid, gid = program.user or (None, None)
    with program.log.open("ab") as log:
        return subprocess.Popen(
            program.argv,
            env=dict(program.environ),
            cwd=program.cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=program.fds,
            user=uid,
            group=gid,
            extra_groups=None if uid is None else [],
            umask=0o077,
            preexec_fn=_begin(program, os.getpid()),  # noqa: PLW1509  a few system calls, and no lock
        )


def _begin(program: Program, parent: int) -> Callable[[], None]:
    """What a child does before it becomes its program."""
    die_with_parent = _die_with_parent(parent, program.stop_signal)

    def hook() -> None:
        if die_with_parent is not None:
            die_with_parent()
        if program.niceness:
            _be_nice(program.niceness)

    return hook


def _die_with_parent(parent: int, signum: signal.Signals) -> Callable[[], None] | None:
    if _LIBC is None:
        return None
    prctl = _LIBC.prctl

    def hook() -> None:  # runs after the change of user, which would clear the wish
        prctl(_PR_SET_PDEATHSIG, int(signum), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return hook


def _be_nice(niceness: int) -> None:
    """Also as a session: where Linux shares cores out between sessions first, the niceness of a process counts within its own only."""
    os.nice(niceness)
    with suppress(OSError), open("/proc/self/autogroup", "w") as session:  # noqa: PTH123  few calls before exec
        session.write(str(niceness))


@dataclass(frozen=True, slots=True)
class Kin:
    """The processes of the stacks of one home, this one's and earlier ones', found in /proc and never by a stored pid.

    They carry MARK in their environment; PostgreSQL, which overwrites its own, is known by its folder.
    """

    home: Path
    database: Path

    def alive(self, part: str | None = None) -> list[int]:
        """Pids of one part, or of all."""
        return [pid for pid, folder in _processes() if pid != os.getpid() and self._owns(folder, part)]

    def end(self, grace: float) -> int:
        """Ask them all to stop (PostgreSQL by an orderly fast shutdown), then kill; returns how many there were."""
        pids = self.alive()
        for pid in pids:
            _kill(pid, signal.SIGINT if _comm(pid) == "postgres" else signal.SIGTERM)
        deadline = time.monotonic() + grace
        while self.alive() and time.monotonic() < deadline:
            time.sleep(0.05)
        self.kill()
        return len(pids)

    def kill(self, part: str | None = None) -> None:
        """Leave none of them alive."""
        while pids := self.alive(part):
            for pid in pids:
                _kill(pid, signal.SIGKILL)
            time.sleep(0.02)

    def _owns(self, folder: Path, part: str | None) -> bool:
        marks = mark(self.home, part or "").encode()
        if any(entry.startswith(marks) for entry in _read(folder / "environ").split(b"\0")):
            return True
        return part in {None, "database"} and _is_postgres_of(folder, self.database)


def mark(home: Path, part: str) -> str:
    """The environment entry that says whose a process is; a home is never the prefix of another's mark."""
    return f"{MARK}={home}//{part}"


def _is_postgres_of(folder: Path, database: Path) -> bool:
    try:
        return (folder / "cwd").readlink() == database and _read(folder / "comm").strip() == b"postgres"
    except OSError:
        return False


def _processes() -> Iterator[tuple[int, Path]]:
    proc = Path("/proc")
    if not (proc / "self" / "stat").exists():  # no /proc (macOS): then a busy port says what is left over
        return
    for folder in _children(proc):
        if folder.name.isdigit():
            yield int(folder.name), folder


def _children(folder: Path) -> Iterable[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _comm(pid: int) -> str:
    return _read(Path(f"/proc/{pid}/comm")).decode("utf-8", "replace").strip()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _kill(pid: int, signum: signal.Signals) -> None:
    with suppress(OSError):  # it ended by itself meanwhile
        os.kill(pid, signum)


def rotate(log: Path) -> None:
    """Keep a log bounded: past LOG_BYTES it is copied beside itself and emptied in place, since programs hold it open for appending.

    Never raises: on a full disk the log is emptied without a copy, since nothing that is served may end for it.
    """
    with suppress(OSError):
        if log.stat().st_size > LOG_BYTES:
            _copy(log, log.with_name(f"{log.name}.1"))
            os.truncate(log, 0)


def _copy(log: Path, kept: Path) -> None:
    try:
        shutil.copyfile(log, kept)
    except OSError:
        with suppress(OSError):
            kept.unlink()  # half a copy takes the room that is missing


def last_line(log: Path) -> str:
    """The last line that a program wrote, for a sentence about its end."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            lines = file.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1].strip() if lines else ""


def describe(status: int) -> str:
    """An exit status in words."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
