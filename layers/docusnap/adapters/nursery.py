"""Children by the dozen: a process that has done the imports forks a fresh child for each caller, in milliseconds.

To start an interpreter with Pillow and PDFium costs 250 ms of CPU, to fork one 3. Both sides are here: `Nursery` asks, `nurse` forks.
A child's three wires are the caller's own and travel by SCM_RIGHTS: its questions, its answers, and its line. On the line the nursery says
the child's pid and, at last, how it ended; when the caller hangs up there, the nursery ends the child. So no caller kills by a pid, which
may be another's by then, and callers share nothing but the socket that they call by.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import gc
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import NoReturn

from docusnap import ports
from docusnap.adapters.child import PIPE_BYTES, ChildTimeout, ChildUnborn, Death, Patience, spawn
from docusnap.adapters.serving import Handler, answer

BORN = struct.Struct("<i")  # the pid, or what kept it from being born: -errno
ENDED = struct.Struct("<iQ")  # as Death
ENDED_SECONDS = 10.0  # for a process with a few GB to give back
RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes
PR_SET_PDEATHSIG = 1


class Nursery:
    """The nursery's caller. A nursery that died is replaced when the next child is wanted. Safe under threads."""

    def __init__(self, program: Sequence[str], *, memory_bytes: int) -> None:
        """Start `program` (as `child.spawn` has it), which calls `nurse`; does not wait for it. `memory_bytes` bounds each child."""
        self._program, self._memory_bytes = program, memory_bytes
        self._lock = threading.Lock()
        self._start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def born(self, timeout: float, clock: ports.Clock | None = None) -> Newborn:
        """A child that has seen nothing of any other, within so many seconds: the nursery may still be at its imports.

        Raises: ChildUnborn; ChildTimeout, where the nursery hangs: the next caller finds another; errors.Interrupted.
        """
        control, patience = self._control, Patience(timeout, clock)
        try:
            return Newborn(control, patience)
        except NurseryDied:
            self._replace(control)
            return Newborn(self._control, patience)
        except ChildTimeout:
            self._replace(control)
            raise

    def close(self) -> None:
        """End the nursery, and with it the children it still has."""
        self._control.close()
        with self._process as process:
            process.kill()

    def _start(self) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = spawn(self._program, memory_bytes=self._memory_bytes, stdin=theirs, stdout=subprocess.DEVNULL)

    def _replace(self, dead: socket.socket) -> None:
        with self._lock:
            if self._control is dead:  # else another thread has been here
                self.close()
                self._start()


class NurseryDied(ChildUnborn):
    """Before it could fork."""


class Newborn:
    """child.Process: one that a nursery forked."""

    def __init__(self, control: socket.socket, patience: Patience) -> None:
        """Waits until it is born. Raises: ChildUnborn, ChildTimeout, errors.Interrupted."""
        (questions, self.questions), (self.answers, answers) = os.pipe(), os.pipe()
        self._line, line = socket.socketpair()
        theirs = (questions, answers, line.detach())
        try:
            _widen(self.questions, self.answers)
            socket.send_fds(control, [b"+"], theirs)
        except OSError as exc:
            self._hang_up()
            raise NurseryDied from exc
        finally:
            for wire in theirs:
                os.close(wire)
        try:
            self.pid = self._birth(patience)
        except BaseException:
            self._hang_up()
            raise

    def end(self) -> Death:
        with self._line:
            self._line.shutdown(socket.SHUT_WR)
            self._line.settimeout(ENDED_SECONDS)
            try:
                return Death(*self._hear(ENDED))
            except (EOFError, OSError):
                return Death(-signal.SIGKILL)  # as all that a dead nursery leaves
            finally:
                self._hang_up()

    def _birth(self, patience: Patience) -> int:
        patience.until(self._line.fileno(), select.POLLIN)
        try:
            (pid,) = self._hear(BORN)
        except (EOFError, OSError) as exc:
            raise NurseryDied from exc
        if pid < 0:
            raise ChildUnborn(os.strerror(-pid))
        return pid

    def _hear(self, form: struct.Struct) -> tuple[int, ...]:
        if not (said := self._line.recv(form.size)):
            raise EOFError
        return form.unpack(said)

    def _hang_up(self) -> None:
        self._line.close()
        os.close(self.questions)
        os.close(self.answers)


def _widen(*pipes: int) -> None:
    """A page has megabytes. Linux refuses it to a user who has many pipes already, whose pages then take a little longer."""
    with contextlib.suppress(OSError, AttributeError):
        for pipe in pipes:
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


# --- The nursery's side -----------------------------------------------------------------------------------------------


def nurse(handle: Handler) -> NoReturn:
    """Fork a child for each call over 0 until the caller hangs up. Call it after the imports, without threads: none survives a fork."""
    gc.collect()
    gc.freeze()  # to mark what never changes would copy it into each child
    ward = _Ward(handle)
    while True:
        ward.attend()


class _Ward:
    """The nursery's children. It opens no document, and so has nothing of one that the next child could inherit."""

    def __init__(self, handle: Handler) -> None:
        self._handle = handle
        self._control, self._pid = socket.socket(fileno=0), os.getpid()
        self._lines: dict[int, socket.socket] = {}  # by the child's pid
        self._bell, ringer = socket.socketpair()  # rings when a child has ended
        ringer.setblocking(False)
        self._ringer = ringer
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(ringer.fileno(), warn_on_full_buffer=False)
        self._poll = select.poll()
        for wire in (self._control, self._bell):
            self._poll.register(wire, select.POLLIN)

    def attend(self) -> None:
        """Wait for one thing to happen. (One, since a descriptor that this closes may be another's in the same list.)"""
        wire = self._poll.poll()[0][0]
        if wire == self._control.fileno():
            self._bear()
        elif wire == self._bell.fileno():
            self._bell.recv(4096)
            self._reap()
        else:
            self._poll.unregister(wire)
            os.kill(next(pid for pid, line in self._lines.items() if line.fileno() == wire), signal.SIGKILL)

    def _bear(self) -> None:
        call, wires, *_ = socket.recv_fds(self._control, 1, 3)
        if not call:
            os._exit(0)  # the children go with it
        questions, answers, line = wires[0], wires[1], socket.socket(fileno=wires[2])
        try:
            pid = os.fork()
        except OSError as exc:
            pid = -(exc.errno or 1)
        if pid == 0:
            self._live(questions, answers, line)
        os.close(questions)
        os.close(answers)
        _say(line, BORN.pack(pid))
        if pid > 0:
            self._lines[pid] = line
            self._poll.register(line, select.POLLIN)
        else:
            line.close()

    def _reap(self) -> None:
        while self._lines:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            line = self._lines.pop(pid)
            with contextlib.suppress(KeyError):
                self._poll.unregister(line)
            _say(line, ENDED.pack(os.waitstatus_to_exitcode(status), usage.ru_maxrss * RSS_UNIT))
            line.close()

    def _live(self, questions: int, answers: int, line: socket.socket) -> NoReturn:
        """The child: nothing that is the nursery's or another child's stays open in it."""
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for wire in (self._bell, self._ringer, line, *self._lines.values()):
                wire.close()
            self._control.detach()  # it is 0, where `answer` puts nothing
            os.setpgid(0, 0)
            _die_with(self._pid)
            answer(self._handle, questions, answers)
        finally:
            os._exit(1)


def _say(line: socket.socket, words: bytes) -> None:
    with contextlib.suppress(OSError):  # the caller may have gone
        line.send(words, socket.MSG_DONTWAIT)


def _die_with(nursery: int) -> None:
    """Let the kernel end this process when the nursery ends, however that happens: it has one thread, which started all of them."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != nursery:
        os._exit(1)
