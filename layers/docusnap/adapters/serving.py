"""The child's side: a program that answers its parent's questions, within bounds on memory and processor time."""

from __future__ import annotations

import contextlib
import os
import queue
import resource
import threading
from collections.abc import Callable
from typing import NoReturn

from docusnap import errors
from docusnap.adapters import frames
from docusnap.adapters.frames import Buffer, Header

Handler = Callable[[Header, bytes], tuple[Header, Buffer]]

MEMORY_VARIABLE = "DOCUSNAP_CHILD_MEMORY"  # the bound on the address space, in bytes


def serve(handle: Handler) -> NoReturn:
    """Answer what comes over 0 and 1. Call it after the imports: they are then done before the first question."""
    questions, answers = os.dup(0), os.dup(1)
    os.dup2(2, 1)  # nothing that a library prints can get between the answers
    answer(handle, questions, answers)


def answer(handle: Handler, questions: int, answers: int) -> NoReturn:
    """Answer the parent's questions until it hangs up.

    A DocuSnapError reaches the parent as itself, MemoryError as DecodedTooLarge, any other exception as ChildFailed.
    """
    _read_nothing()
    _bound_memory()
    _go_first()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash must not leave somebody's document on the disk
    inbox: queue.SimpleQueue[tuple[Header, bytes]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(questions, inbox), daemon=True).start()
    while True:
        header, payload = inbox.get()
        _bound_cpu(header["cpu_seconds"])
        said, data = _answer(handle, header["ask"], payload)
        del payload
        _reply(answers, said, memoryview(data).cast("B"))
        del data


def _read_nothing() -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


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
        said, data = handle(header, payload)
    except errors.DocuSnapError as exc:
        return {"error": {"code": exc.code, "detail": exc.detail, "page": exc.page, "members": exc.members}}, b""
    except MemoryError:
        return {"error": {"code": errors.DecodedTooLarge.code, "detail": None}}, b""
    except Exception as exc:  # noqa: BLE001  whatever it is, the parent hears of it
        return {"error": {"code": None, "detail": f"{type(exc).__name__}: {exc}"}}, b""
    return {"answer": said}, data


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
