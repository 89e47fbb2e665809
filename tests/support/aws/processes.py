"""The tree of a sandbox's processes, as the machine outside numbers them."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path


def descendants(pid: int) -> list[int]:
    """All of them, parents before their children."""
    children: dict[int, list[int]] = {}
    for child, parent in _parents():
        children.setdefault(parent, []).append(child)
    found = list(children.get(pid, ()))
    for one in found:  # it grows
        found += children.get(one, ())
    return found


def _parents() -> Iterator[tuple[int, int]]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            after_name = (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            yield int(entry.name), int(after_name[1])


def cpu_seconds(pids: list[int]) -> float:
    """What they and the children they have lost used."""
    used = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            used += sum(int(ticks) for ticks in Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[11:15])
    return used / os.sysconf("SC_CLK_TCK")


def send(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
