"""A bounded folder of fetched objects, so that the pages of one document are fetched once."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from docusnap.errors import ScratchFull
from docusnap.model import ObjectVersion
from docusnap.ports import ObjectStore

FETCH_SECONDS = 25.0  # of a lease of 90 s, of which a page may take 60 s


@dataclass(slots=True)
class Fetched:
    """An object's bytes on disk."""

    path: Path
    size: int  # bytes, reserved before the first is written
    sha256: str = ""
    users: int = 0
    ready: threading.Lock = field(default_factory=threading.Lock)


class Scratch:
    """Keeps at most `limit` bytes; what nobody uses goes first, the one unused longest before the others. Safe under threads."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder, self._limit = folder / f"worker-{os.getpid()}", limit
        _remove_leftovers(folder)
        self._lock = threading.Lock()
        self._files: OrderedDict[str, Fetched] = OrderedDict()

    @contextmanager
    def hold(self, version: ObjectVersion, store: ObjectStore) -> Iterator[Fetched]:
        """The object on disk for as long as the block runs.

        Raises: whatever `ObjectStore.fetch` raises; ScratchFull where everything is in use.
        """
        name = hashlib.sha256(f"{version.bucket}\0{version.key}\0{version.etag}\0{version.version_id}".encode()).hexdigest()
        held = self._reserve(name, version.size)
        try:
            with held.ready:
                if not held.sha256:
                    held.sha256 = store.fetch(version, held.path, timeout=FETCH_SECONDS)
            yield held
        finally:
            with self._lock:
                held.users -= 1
                if not held.sha256 and not held.users:
                    self._files.pop(name, None)

    def _reserve(self, name: str, size: int) -> Fetched:
        with self._lock:
            if (held := self._files.get(name)) is None:
                self._make_room(size)
                self._folder.mkdir(parents=True, exist_ok=True)
                held = self._files[name] = Fetched(self._folder / name, size)
            self._files.move_to_end(name)
            held.users += 1
            return held

    def _make_room(self, size: int) -> None:
        excess = sum(file.size for file in self._files.values()) + size - self._limit
        for name, file in list(self._files.items()):
            if excess <= 0:
                return
            if not file.users:
                file.path.unlink(missing_ok=True)
                del self._files[name]
                excess -= file.size
        if excess > 0:
            raise ScratchFull


def _remove_leftovers(folder: Path) -> None:
    """Files of workers that were killed: nobody else would free their room."""
    for left in folder.glob("worker-*"):
        if not Path(f"/proc/{left.name.removeprefix('worker-')}").exists() and Path("/proc/self").exists():
            shutil.rmtree(left, ignore_errors=True)
