"""A program in a child process, asked over pipes: what may crash, hang or eat memory does so apart from the worker.

Both sides are here: `Child` starts and asks, `serve` answers. A message is a frame (`frames`): a JSON header, and raw bytes.
Plain pipes on purpose: AWS Lambda has no /dev/shm, which multiprocessing's queues and locks need.
"""

from __future__ import annotations

import contextlib
import os
import queue
import resource
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from docusnap import errors, ports
from docusnap.adapters import frames

Header = dict[str, Any]
Buffer = bytes | bytearray | memoryview
Handler = Callable[[Header, bytes], tuple[Header, Buffer]]

PIPE_BYTES = 1 << 20
GLANCE_SECONDS = 0.1  # how often a waiting parent looks whether it was told to stop
# No secrets. On Lambda Python needs its library path; the devices are the parent's; by DOCUSNAP_STACK a stack finds what a killed one left.
INHERITED = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR", "TZ", "CUDA_VISIBLE_DEVICES", "DOCUSNAP_STACK")
RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes
MEMORY_VARIABLE = "DOCUSNAP_CHILD_MEMORY"


class ChildError(Exception):
    """The child gave no answer."""


class ChildDied(ChildError):
    """The child ended before it had answered.

    `returncode` is negative for a signal, as `subprocess` has it; `peak_bytes` is the most memory it ever held, 0 where nobody knows.
    """

    def __init__(self, returncode: int, peak_bytes: int = 0) -> None:
        self.returncode, self.peak_bytes = returncode, peak_bytes
        self.signal = -returncode if returncode < 0 else None
        how = f"by signal {signal.strsignal(self.signal)}" if self.signal else f"with status {returncode}"
        super().__init__(f"The child ended {how}.")


class ChildTimeout(ChildError):
    """The child did not answer in time and was killed."""


class ChildFailed(ChildError):
    """The child's program raised an error that is none of DocuSnap's; the child lives on."""


class Child:
    """A program that runs `serve`, in a process of its own. One question at a time: not to be shared between threads.

    The child has a small environment without secrets and its own process group (Ctrl-C at a terminal is for the parent). It ends as soon as
    the parent's end of its pipe closes, so it cannot outlive a parent that was killed. (Not PR_SET_PDEATHSIG: that fires already when
    the *thread* that started the child ends.)
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        memory_bytes: int | None,
        answer_bytes: int = frames.MAX_PAYLOAD,
        threads: int = 1,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Start `argv` (the arguments of a Python interpreter, such as `["-m", "package.module"]`); does not wait for it.

        `memory_bytes` bounds the child's address space, `answer_bytes` the payload of its answers; `threads` is how many CPU seconds it
        may use a second; `env` adds variables.
        """
        self._threads, self._answer_bytes = threads, answer_bytes
        self._process = subprocess.Popen(
            [sys.executable, "-s", "-P", *(["-B"] if sys.dont_write_bytecode else []), *argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            pipesize=PIPE_BYTES,
            process_group=0,
            env=_environment(memory_bytes) | dict(env or {}),
        )
        assert self._process.stdin is not None  # noqa: S101  both are pipes
        assert self._process.stdout is not None  # noqa: S101
        self._to, self._from = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._to, False)
        os.set_blocking(self._from, False)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, header: Header, payload: Buffer = b"", *, timeout: float, clock: ports.Clock | None = None) -> tuple[Header, bytes]:
        """Send one question and wait for its answer, at most `timeout` seconds.

        Raises: ChildDied, ChildTimeout, errors.Interrupted (the clock says stop): the child is then killed and gone; ChildFailed, and any
        DocuSnapError that the child's program raised: the child lives on.
        """
        patience = _Patience(timeout, clock)
        question = {"ask": header, "cpu_seconds": timeout * self._threads}
        try:
            self._send(question, memoryview(payload).cast("B"), patience)
            answer, data = self._receive(patience)
        except (BrokenPipeError, EOFError, ValueError) as exc:
            raise self._bury() from exc
        except BaseException:
            self.close()  # a message that is half through cannot be taken up again
            raise
        if error := answer.get("error"):
            _raise(error)
        return answer["answer"], data

    def close(self) -> None:
        """Kill the child if it lives, and reap it."""
        with self._process as process:
            process.kill()

    def _bury(self) -> ChildDied:
        """Reap a child that hung up. One that is ending keeps its own status; one that only closed its pipe is killed."""
        peak = 0
        if self._process.returncode is None:
            os.kill(self.pid, signal.SIGKILL)  # not Popen.kill, which reaps a child that has ended
            _, status, usage = os.wait4(self.pid, 0)  # not Popen.wait, which does not tell the memory
            self._process.returncode = os.waitstatus_to_exitcode(status)
            peak = _own_peak(usage.ru_maxrss)
        self.close()
        return ChildDied(self._process.returncode, peak)

    def _send(self, header: Header, payload: memoryview, patience: _Patience) -> None:
        for part in (memoryview(frames.head(header, payload.nbytes)), payload):
            sent = 0
            while sent < part.nbytes:
                patience.until(self._to, select.POLLOUT)
                sent += os.write(self._to, part[sent:])

    def _receive(self, patience: _Patience) -> tuple[Header, bytes]:
        def read(view: memoryview) -> int:
            patience.until(self._from, select.POLLIN)
            return os.readv(self._from, [view])

        return frames.read(read, self._answer_bytes)


def _own_peak(most: int) -> int:
    """Bytes. Linux counts the parent's memory, which the child was born with, as the child's: no more than that tells nothing."""
    return most * RSS_UNIT if most > resource.getrusage(resource.RUSAGE_SELF).ru_maxrss else 0


class _Patience:
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


# --- The child's side -------------------------------------------------------------------------------------------------


def serve(handle: Handler) -> NoReturn:
    """Answer the parent's questions until it hangs up. Call it after the imports: they are then done before the first question.

    A DocuSnapError reaches the parent as itself, MemoryError as DecodedTooLarge, any other exception as ChildFailed.
    """
    questions, answers = _private_pipes()
    _bound_memory()
    _go_first()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash must not leave somebody's document on the disk
    inbox: queue.SimpleQueue[tuple[Header, bytes]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(questions, inbox), daemon=True).start()
    while True:
        header, payload = inbox.get()
        _bound_cpu(header["cpu_seconds"])
        answer, data = _answer(handle, header["ask"], payload)
        del payload
        _reply(answers, answer, memoryview(data).cast("B"))
        del data


def _private_pipes() -> tuple[int, int]:
    """Move the protocol away from 0 and 1, so that nothing a library prints can get into it."""
    questions, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return questions, answers


def _listen(questions: int, inbox: queue.SimpleQueue[tuple[Header, bytes]]) -> None:
    """Read ahead in a thread: so the parent's end is noticed in the middle of work too."""
    try:
        while True:
            inbox.put(frames.read(lambda view: os.readv(questions, [view])))
    except (EOFError, ValueError):
        os._exit(0)
    except MemoryError:
        os._exit(1)


def _answer(handle: Handler, header: Header, payload: bytes) -> tuple[Header, Buffer]:
    try:
        answer, data = handle(header, payload)
    except errors.DocuSnapError as exc:
        return {"error": {"code": exc.code, "detail": exc.detail, "page": exc.page, "members": exc.members}}, b""
    except MemoryError:
        return {"error": {"code": errors.DecodedTooLarge.code, "detail": None}}, b""
    except Exception as exc:  # noqa: BLE001  whatever it is, the parent hears of it
        return {"error": {"code": None, "detail": f"{type(exc).__name__}: {exc}"}}, b""
    return {"answer": answer}, data


def _reply(answers: int, header: Header, payload: memoryview) -> None:
    for part in (memoryview(frames.head(header, payload.nbytes)), payload):
        sent = 0
        while sent < part.nbytes:
            sent += os.write(answers, part[sent:])


def _bound_memory() -> None:
    if limit := os.environ.get(MEMORY_VARIABLE):
        resource.setrlimit(resource.RLIMIT_AS, (int(limit), int(limit)))


def _go_first() -> None:
    """When the machine's memory runs out it is a child that the kernel ends, with its one page, not the worker with all of theirs."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:  # noqa: PTH123  a file of the kernel's
        score.write("1000")


def _bound_cpu(seconds: float) -> None:
    """A backstop for the parent's own limit: it holds when the parent is gone, too. SIGXCPU ends the process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    limit = int(usage.ru_utime + usage.ru_stime + seconds) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
