"""A child program for tests: it does what its header says, from echoing to the disaster named. Run by its path."""

import ctypes
import os
import signal
import sys
import time

from docusnap import errors
from docusnap.adapters import frames, serving
from docusnap.adapters.nursery import nurse


def echo(header: frames.Header, payload: bytes) -> tuple[frames.Header, frames.Buffer]:
    return header, payload


def look(header: frames.Header, payload: bytes) -> tuple[frames.Header, frames.Buffer]:
    return {"env": dict(os.environ), "argv": sys.argv, "pgid": os.getpgid(0)}, b""


def chatter(header: frames.Header, payload: bytes) -> tuple[frames.Header, frames.Buffer]:
    """A native library that prints to file descriptor 1."""
    os.write(1, b"a library's greeting\n")
    print("another", flush=True)
    return {"read": len(sys.stdin.read())}, b""


def segfault(header: frames.Header, payload: bytes) -> tuple[frames.Header, frames.Buffer]:
    signal.signal(signal.SIGSEGV, signal.SIG_DFL)
    ctypes.string_at(0)
    raise AssertionError


def abort(header: frames.Header, payload: bytes) -> tuple[frames.Header, frames.Buffer]:
    """What C++ does about a bug that it notices."""
    os.abort()


def abort_when_full(header: frames.Header, payload: bytes) -> tuple[frames.Header, frames.Buffer]:
    """What a C++ library does that gets no more memory."""
    held = []
    try:
        while True:
            held.append(b"x" * (64 << 20))
    except MemoryError:
        os.abort()


def leave(header: frames.Header, payload: bytes) -> tuple[frames.Header, frames.Buffer]:
    os._exit(header["status"])


def hang(header: frames.Header, payload: bytes) -> tuple[frames.Header, frames.Buffer]:
    while True:
        time.sleep(60)


def spin(header: frames.Header, payload: bytes) -> tuple[frames.Header, frames.Buffer]:
    """Burn CPU, with so low a bound that the kernel ends it."""
    serving._bound_cpu(-1)
    while True:
        pass


def eat_memory(header: frames.Header, payload: bytes) -> tuple[frames.Header, frames.Buffer]:
    return {"bytes": len(bytearray(header["bytes"]))}, b""


def refuse(header: frames.Header, payload: bytes) -> tuple[frames.Header, frames.Buffer]:
    raise errors.TooManyPages("It has 7 pages.", page=7, limit=6)


def stumble(header: frames.Header, payload: bytes) -> tuple[frames.Header, frames.Buffer]:
    raise KeyError("stumbled")


def talk_nonsense(header: frames.Header, payload: bytes) -> tuple[frames.Header, frames.Buffer]:
    """Write something else than the protocol into every pipe there is."""
    for descriptor in range(3, 10):
        try:
            os.write(descriptor, b"\xff" * 64)
        except OSError:
            continue
    return hang(header, payload)


DEEDS = {
    deed.__name__: deed
    for deed in (echo, look, chatter, segfault, abort, abort_when_full, leave, hang, spin, eat_memory, refuse, stumble, talk_nonsense)
}

if __name__ == "__main__":
    run = nurse if "nurse" in sys.argv else serving.serve
    run(lambda header, payload: DEEDS[header["do"]](header, payload))
