"""What `docusnap up` says on the terminal: plain text, and never an error when nobody reads it."""

from __future__ import annotations

import shlex
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_LOCK = threading.Lock()


def say(text: str = "") -> None:
    """Print a line at once; a closed pipe does not stop what is being served."""
    with _LOCK, suppress(OSError, ValueError):
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


class Stopwatch:
    """Says which part is ready, and after how long."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def ready(self, part: str, where: str) -> None:
        say(f"  {part:<12} {where:<52} {self.seconds:5.1f} s")


def command(argv0: str, cwd: Path, home: str | None) -> str:
    """`docusnap` so that it works as it is typed in `cwd`, where this process was started; `home`: its DOCUSNAP_HOME, where one was set."""
    program = cwd / argv0
    if program.name != "docusnap" or not program.is_file():
        shown = "docusnap"
    elif program.parent == cwd:
        shown = "./docusnap"
    else:
        shown = str(program.relative_to(cwd) if program.is_relative_to(cwd) else program)
    return f"DOCUSNAP_HOME={shlex.quote(home)} {shlex.quote(shown)}" if home else shlex.quote(shown)


def where_things_are(url: str, store: str, api_key: Path, store_keys: Path | None, logs: Path, *, docusnap: str) -> None:
    """The last thing a start prints: addresses, files, and what to try next."""
    rows = [("API", f"{url}/v1/documents"), ("Reference", f"{url}/docs"), ("S3", store), ("API key", str(api_key))]
    rows += [("S3 keys", str(store_keys))] if store_keys else []
    say("\nDocuSnap is running. Ctrl-C stops it; what it knows stays.\n")
    _table([*rows, ("Logs", f"{logs}/")])
    say("\nTry next, in another terminal:\n")
    _table(
        [
            (f"{docusnap} ocr FILE", "send a file or a folder, print its text"),
            (f"{docusnap} search WORDS", "find it again"),
            (f"{docusnap} list", "what there is"),
        ]
    )
    say()


def already_running(url: str, store: str, api_key: Path, logs: Path) -> None:
    """What a second start on a live home says."""
    say("DocuSnap is running already.\n")
    _table([("API", f"{url}/v1/documents"), ("Reference", f"{url}/docs"), ("S3", store), ("API key", str(api_key)), ("Logs", f"{logs}/")])


def _table(rows: Sequence[tuple[str, str]]) -> None:
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        say(f"  {name:<{width}}  {value}")
