"""`docusnap ocr`: files and folders to text, several at once, and again without sending twice."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

from docusnap.cli.documents import write_chunks
from docusnap.cli.parser import Options
from docusnap.cli.place import server
from docusnap.client import Client, ClientError, Json

READABLE = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".heic", ".heif", ".pdf"})
WITH_CONTENT = frozenset({"succeeded", "partial", "cancelled"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file."""

    path: Path
    document: Json | None
    error: str | None  # one sentence

    @property
    def succeeded(self) -> bool:
        return self.document is not None and self.document["status"] == "succeeded"


def run(options: Options, environ: Mapping[str, str]) -> int:
    """Texts come in the order in which the files are finished. 0 when every page of every file succeeded."""
    client = server(environ, connections=options.jobs + 1)
    paths = list(files(options.paths))
    if not paths:
        sys.stderr.write("docusnap: There are no images or PDFs in what was named.\n")
        return 1
    progress, failed = Progress(len(paths)), 0
    try:
        for outcome in _in_parallel(lambda path: recognise(client, path, options.force, options.timeout), paths, options.jobs):
            progress.clear()
            failed += not _report(client, outcome, as_json=options.json, titled=len(paths) > 1)
            progress.step()
    finally:
        progress.clear()
    return 1 if failed else 0


def _in_parallel(work: Callable[[Path], Outcome], paths: Sequence[Path], jobs: int) -> Iterator[Outcome]:
    """Outcomes as they come. Threads are daemons: on Ctrl-C nobody waits for an answer of the server, who goes on with what was sent."""
    waiting: SimpleQueue[Path] = SimpleQueue()
    done: SimpleQueue[Outcome | Exception] = SimpleQueue()
    for path in paths:
        waiting.put(path)

    def labour() -> None:
        with suppress(Empty):
            while True:
                path = waiting.get_nowait()
                try:
                    done.put(work(path))
                except Exception as exc:  # noqa: BLE001  raised again where it can be seen
                    done.put(exc)

    for _ in range(min(jobs, len(paths))):
        threading.Thread(target=labour, daemon=True).start()
    for _ in paths:
        outcome = done.get()
        if isinstance(outcome, Exception):
            raise outcome
        yield outcome


def files(names: Iterable[str]) -> Iterator[Path]:
    """The files named, and those below a folder that DocuSnap reads, by name; hidden ones are left out."""
    for name in names:
        path = Path(name)
        if not path.is_dir():
            yield path
            continue
        for folder, below, found in os.walk(path):
            below[:] = sorted(part for part in below if not part.startswith("."))
            yield from (Path(folder) / part for part in sorted(found) if _readable(part))


def _readable(name: str) -> bool:
    return not name.startswith(".") and Path(name).suffix.lower() in READABLE


def recognise(client: Client, path: Path, force: bool, timeout: float | None) -> Outcome:
    """Send a file and wait for its end; never raises for what concerns this file only."""
    document: Json | None = None
    try:
        document = client.send(path, force=force)
        document = client.await_final(document["id"], timeout)
        problem = document.get("error")
        return Outcome(path, document, f"{problem['code']}: {problem['message']}" if problem else None)
    except ClientError as exc:
        return Outcome(path, document, str(exc))
    except OSError as exc:
        return Outcome(path, None, f"it cannot be read: {exc.strerror}.")


def _report(client: Client, outcome: Outcome, *, as_json: bool, titled: bool) -> bool:
    """Print one outcome and say whether all of it succeeded."""
    ok = outcome.succeeded
    if outcome.error or not ok:
        status = outcome.document["status"] if outcome.document else "not sent"
        sys.stderr.write(f"docusnap: {outcome.path}: {outcome.error or status}\n")
    try:
        if as_json:
            _print_json(client, outcome)
        elif outcome.document and outcome.document["status"] in WITH_CONTENT:
            if titled:
                sys.stdout.write(f"== {outcome.path}\n")
            sys.stdout.flush()
            write_chunks(client.content(outcome.document["id"], "text"))
    except ClientError as exc:
        sys.stderr.write(f"docusnap: {outcome.path}: {exc}\n")
        return False
    return ok


def _print_json(client: Client, outcome: Outcome) -> None:
    """One line a file; the content is copied through, so that a long document never stands in memory."""
    head = {"file": str(outcome.path), "document": outcome.document, "error": outcome.error}
    sys.stdout.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "content": ')
    sys.stdout.flush()
    if outcome.document and outcome.document["status"] in WITH_CONTENT:
        for chunk in client.content(outcome.document["id"], "json"):
            sys.stdout.buffer.write(chunk.replace(b"\n", b" "))  # JSON has line ends between tokens only
    else:
        sys.stdout.buffer.write(b"null")
    sys.stdout.buffer.write(b"}\n")
    sys.stdout.buffer.flush()


class Progress:
    """A line on stderr that counts the files, where a person watches."""

    def __init__(self, total: int) -> None:
        self._total, self._done = total, 0
        self._shown = sys.stderr.isatty() and total > 1
        self._draw()

    def step(self) -> None:
        self._done += 1
        self._draw()

    def clear(self) -> None:
        if self._shown:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()

    def _draw(self) -> None:
        if self._shown and self._done < self._total:
            sys.stderr.write(f"\r{self._done} of {self._total} files")
            sys.stderr.flush()
