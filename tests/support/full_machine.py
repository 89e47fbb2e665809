"""A nursery's program for tests: the machine has room for a process only when it was asked for the third time. Run by its path."""

import errno
import os

from docusnap.adapters.nursery import nurse

from tests.support.disasters import echo

fork, refusals = os.fork, [errno.EAGAIN] * 2


def full() -> int:
    """As the kernel does it at the limit of processes."""
    if refusals:
        raise BlockingIOError(refusals.pop(), "no room")
    return fork()


if __name__ == "__main__":
    os.fork = full
    nurse(echo)
