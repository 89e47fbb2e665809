"""What has been freed is kept for the next page."""

from __future__ import annotations

import ctypes
import sys

# <malloc.h> of the GNU C library
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
LARGEST = 1 << 30  # bytes
MAPPED = 8 << 20  # bytes from which a buffer is mapped by itself; the library takes no more than 32 MiB


def keep_freed() -> None:
    """Let this process reuse large buffers instead of giving them back; where the C library is another one, do nothing.

    A network's buffers are megabytes each. By default each is mapped anew and its pages are zeroed at first touch, for every run:
    a third of all time. One arena, so that a buffer freed by one thread serves another. Cost: memory stays at its peak.
    The largest, a detector's and the scores of a long line, are mapped all the same: among the others they leave gaps that the next page's
    do not fit in, so that the peak came to a third more, and still grew after 250 pages.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt") and hasattr(library, "gnu_get_libc_version"):
        library.mallopt(M_ARENA_MAX, 1)
        library.mallopt(M_MMAP_THRESHOLD, MAPPED)
        library.mallopt(M_TRIM_THRESHOLD, LARGEST)
