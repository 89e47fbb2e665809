"""When make, told to stop, does not pass it on."""

from __future__ import annotations

import os
import signal
from pathlib import Path

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class MakeWatch:
    """Tells whether the make that started us was told to stop.

    GNU make sends SIGTERM on to its recipe, but a SIGINT that was sent to make alone it does not: it waits inside its handler, where that
    signal is blocked, until the recipe ends. The block shows in /proc. Where there is no /proc, nothing is told.
    """

    def __init__(self) -> None:
        self._pid = os.getppid()
        self._is_make = _read(self._pid, "comm").strip() in {"make", "gmake"}

    def stopping(self) -> bool:
        if not self._is_make:
            return False
        if os.getppid() != self._pid:  # killed: nobody is left to whom the recipe belongs
            return True
        return bool(blocked(_read(self._pid, "status")) & {int(signum) for signum in _STOPPING})


def blocked(status: str) -> set[int]:
    """The signals that a process blocks, from the text of its /proc/<pid>/status."""
    for line in status.splitlines():
        name, _, value = line.partition(":")
        if name == "SigBlk":
            mask = int(value.strip(), 16)
            return {number + 1 for number in range(64) if mask >> number & 1}
    return set()


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text("utf-8", "replace")
    except OSError:
        return ""
