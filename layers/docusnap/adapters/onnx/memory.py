"""What has been freed is kept for the next page."""

from __future__ import annotations

import ctypes
import sys

# <malloc.h> of the GNU C library
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
LARGEST = 1 << 30  # bytes


def keep_freed() -> None:
    """Let this process reuse large buffers instead of giving them back; where the C library is another one, do nothing.

    A network's buffers are megabytes each. By default each is mapped anew and its pages are zeroed at first touch, for every run:
    a third of all time. One arena, so that a buffer freed by one thread serves another. Cost: memory stays at its peak.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt") and hasattr(library, "gnu_get_libc_version"):
        library.mallopt(M_ARENA_MAX, 1)
        library.mallopt(M_MMAP_THRESHOLD, LARGEST)
        library.mallopt(M_TRIM_THRESHOLD, LARGEST)
