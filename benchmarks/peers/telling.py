"""How a peer is asked and answers: JSON lines on its standard input name pages, until it ends; one is printed for each page read.

The standard library alone: every peer runs in an environment of its own.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

Process = int | str  # whose memory and time are told: this one, or the server that does the work
THIS = "self"
_saying = threading.Lock()


@dataclass(frozen=True, slots=True)
class Asked:
    """A picture to be read; `language` is what its reader would know of it: en, zh or zh-vertical."""

    path: Path
    language: str


def asked(between: Callable[[], None] = lambda: None) -> Iterator[Asked]:
    """Pages as they are asked for: the next may be long in coming. `between`: called at a line that asks for none."""
    for line in sys.stdin:
        if page := json.loads(line):
            yield Asked(Path(page["path"]), page["language"])
        else:
            between()


def ready(process: Process = THIS) -> None:
    """Everything is loaded: the first page begins now."""
    say(ready=time.perf_counter(), cpu=cpu(process))


def read(number: int, path: Path, reading: Callable[[Path], str], process: Process = THIS) -> None:
    """One page by one call. An engine that fails on a page has no text for it, and the table says so."""
    began = time.perf_counter()
    try:
        text, failed = reading(path), ""
    except Exception as exc:  # noqa: BLE001  whatever an engine raises is one thing here
        text, failed = "", f"{type(exc).__name__}: {exc}"[:300]
    page(number, text, began, failed=failed, rss=peak(process), cpu=cpu(process))


def page(number: int, text: str, began: float, *, failed: str = "", rss: float, cpu: float, **more: object) -> None:
    """`number`: from 0, as asked; `began` by `time.perf_counter`; `rss`: MB at most until now; `cpu`: seconds until now."""
    say(page=number, text=text, began=began, ended=time.perf_counter(), failed=failed, rss=rss, cpu=cpu, **more)


def say(**told: object) -> None:
    with _saying:
        print(json.dumps(told), flush=True)


def peak(process: Process = THIS) -> float:
    """MB of memory at most. Not getrusage's: that one begins with what the parent held."""
    lines = Path(f"/proc/{process}/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def cpu(process: Process = THIS) -> float:
    """Seconds of all cores, of a process and the children it waited for."""
    after_name = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()
    return sum(map(int, after_name[11:15])) / os.sysconf("SC_CLK_TCK")
