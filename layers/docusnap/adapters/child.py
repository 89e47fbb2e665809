"""A child process, asked over pipes: what may crash, hang or eat memory does so apart from the worker.

This is the parent's side; `serving` is the child's. A message is a frame (`frames`): a JSON header, and raw bytes.
Plain pipes on purpose: AWS Lambda has no /dev/shm, which multiprocessing's queues and locks need.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from docusnap import errors, ports
from docusnap.adapters import frames
from docusnap.adapters.frames import Buffer, Header
from docusnap.adapters.serving import MEMORY_VARIABLE

PIPE_BYTES = 1 << 20
GLANCE_SECONDS = 0.1  # how often a waiting parent looks whether it was told to stop
# No secrets. On Lambda Python needs its library path; the devices are the parent's; by DOCUSNAP_STACK a stack finds what a killed one left.
INHERITED = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR", "TZ", "CUDA_VISIBLE_DEVICES", "DOCUSNAP_STACK")


@dataclass(frozen=True, slots=True)
class Death:
    """How a child ended."""

    returncode: int  # negative for a signal, as `subprocess` has it
    peak_bytes: int = 0  # the most memory it ever held, 0 where nobody knows


class ChildError(Exception):
    """The child gave no answer."""


class ChildDied(ChildError):
    """The child ended before it had answered."""

    def __init__(self, death: Death) -> None:
        self.returncode, self.peak_bytes = death.returncode, death.peak_bytes
        self.signal = -death.returncode if death.returncode < 0 else None
        how = f"by signal {signal.strsignal(self.signal)}" if self.signal else f"with status {death.returncode}"
        super().__init__(f"The child ended {how}.")


class ChildTimeout(ChildError):
    """The child did not answer in time and was killed."""


class ChildUnborn(ChildError):
    """No process could be had."""


class ChildFailed(ChildError):
    """The child's program raised an error that is none of DocuSnap's; the child lives on."""


class Process(Protocol):
    """A process that runs `serving`, and the parent's ends of its pipes. It ends by itself when they close."""

    pid: int
    questions: int  # file descriptors
    answers: int

    def end(self) -> Death:
        """Kill it if it lives, reap it, and close the pipes; one that is ending keeps its own status. Called once."""


class Interpreter:
    """A process with a Python interpreter of its own, whose program calls `serving.serve`.

    It has a small environment without secrets and its own process group (Ctrl-C at a terminal is for the parent). It cannot outlive a
    parent that was killed, whose ends of its pipes close. (Not PR_SET_PDEATHSIG: that fires already when the *thread* that started the
    child ends.)
    """

    def __init__(self, argv: Sequence[str], *, memory_bytes: int | None = None, env: Mapping[str, str] | None = None) -> None:
        """Start `argv` (as `spawn` has it), bounded in its address space; does not wait for it. `env` adds variables."""
        pipe = subprocess.PIPE
        self._popen = spawn(argv, memory_bytes=memory_bytes, env=env, stdin=pipe, stdout=pipe, pipesize=PIPE_BYTES)
        assert self._popen.stdin is not None  # noqa: S101  both are pipes
        assert self._popen.stdout is not None  # noqa: S101
        self.pid, self.questions, self.answers = self._popen.pid, self._popen.stdin.fileno(), self._popen.stdout.fileno()

    def end(self) -> Death:
        with self._popen as popen:
            popen.kill()
        return Death(popen.returncode)


def spawn(
    argv: Sequence[str], *, memory_bytes: int | None, env: Mapping[str, str] | None = None, **streams: Any
) -> subprocess.Popen[bytes]:
    """A Python interpreter with `argv` (such as `["-m", "package.module"]`), without secrets, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-s", "-P", *(["-B"] if sys.dont_write_bytecode else []), *argv],
        bufsize=0,
        process_group=0,
        env=_environment(memory_bytes) | dict(env or {}),
        **streams,
    )


class Child:
    """A process that answers questions, one at a time: not to be shared between threads."""

    def __init__(self, process: Process, *, answer_bytes: int = frames.MAX_PAYLOAD, threads: int = 1) -> None:
        """`answer_bytes` bounds the payload of its answers; `threads` is how many CPU seconds it may use a second."""
        self._process, self._answer_bytes, self._threads = process, answer_bytes, threads
        self._to, self._from, self.pid = process.questions, process.answers, process.pid
        self._death: Death | None = None
        os.set_blocking(self._to, False)
        os.set_blocking(self._from, False)

    @property
    def alive(self) -> bool:
        """Whether it can still answer: a process that ends closes its pipes."""
        if self._death is not None:
            return False
        hung_up = select.poll()
        hung_up.register(self._from, 0)
        return not hung_up.poll(0)

    def ask(self, header: Header, payload: Buffer = b"", *, timeout: float, clock: ports.Clock | None = None) -> tuple[Header, bytes]:
        """Send one question and wait for its answer, at most `timeout` seconds.

        Raises: ChildDied, ChildTimeout, errors.Interrupted (the clock says stop): the child is then killed and gone; ChildFailed, and any
        DocuSnapError that the child's program raised: the child lives on.
        """
        if self._death is not None:
            raise ChildDied(self._death)
        patience = Patience(timeout, clock)
        question = {"ask": header, "cpu_seconds": timeout * self._threads}
        try:
            self._send(question, memoryview(payload).cast("B"), patience)
            answer, data = self._receive(patience)
        except (BrokenPipeError, EOFError, ValueError) as exc:
            raise ChildDied(self._end()) from exc
        except BaseException:
            self.close()  # a message that is half through cannot be taken up again
            raise
        if error := answer.get("error"):
            _raise(error)
        return answer["answer"], data

    def close(self) -> None:
        """Kill the child if it lives, and reap it."""
        self._end()

    def _end(self) -> Death:
        if self._death is None:
            self._death = self._process.end()
        return self._death

    def _send(self, header: Header, payload: memoryview, patience: Patience) -> None:
        for part in (memoryview(frames.head(header, payload.nbytes)), payload):
            sent = 0
            while sent < part.nbytes:
                patience.until(self._to, select.POLLOUT)
                sent += os.write(self._to, part[sent:])

    def _receive(self, patience: Patience) -> tuple[Header, bytes]:
        def read(view: memoryview) -> int:
            patience.until(self._from, select.POLLIN)
            return os.readv(self._from, [view])

        return frames.read(read, self._answer_bytes)


class Patience:
    """How long a parent waits, and when it gives up."""

    def __init__(self, timeout: float, clock: ports.Clock | None) -> None:
        self._timeout = timeout
        self._end = time.monotonic() + timeout
        self._clock = clock

    def until(self, fd: int, event: int) -> None:
        """Return once the pipe is ready. Raises: ChildTimeout, errors.Interrupted."""
        poll = select.poll()
        poll.register(fd, event)
        while True:
            if self._clock is not None and self._clock.stopping():
                raise errors.Interrupted
            if (left := self._end - time.monotonic()) <= 0:
                raise ChildTimeout(f"No answer within {self._timeout:g} s.")
            if poll.poll(1000 * min(GLANCE_SECONDS, left)):
                return


def _environment(memory_bytes: int | None) -> dict[str, str]:
    env = {name: os.environ[name] for name in INHERITED if name in os.environ}
    env["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)  # the child finds what the parent finds
    if memory_bytes is not None:
        env[MEMORY_VARIABLE] = str(memory_bytes)
    return env


_CLASSES: dict[str, type[errors.DocuSnapError]] = {}


def _raise(error: Header) -> NoReturn:
    if not _CLASSES:
        _CLASSES.update({cls.code: cls for cls in errors.catalogue()})
    cls = _CLASSES.get(str(error.get("code")))
    if cls is None:
        raise ChildFailed(error.get("detail"))
    raise cls(error["detail"], page=error.get("page"), **error.get("members", {}))
