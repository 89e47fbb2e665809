"""A bounded folder of fetched objects, so that the pages of one document are fetched once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from docusnap.errors import FetchFailed, ScratchFull, StoreUnavailable
from docusnap.model import ObjectVersion
from docusnap.ports import ObjectStore

PREFIX = "worker-"
FETCH_SECONDS = 40.0  # of a lease of 90 s: 100 MB at 20 Mbit/s


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
        """Nothing is written before the first object is fetched."""
        self._parent, self._limit = folder, limit
        self._own: Path | None = None
        self._lock = threading.Lock()
        self._files: OrderedDict[str, Fetched] = OrderedDict()

    @contextmanager
    def hold(self, version: ObjectVersion, store: ObjectStore) -> Iterator[Fetched]:
        """The object on disk for as long as the block runs.

        Raises: whatever `ObjectStore.fetch` raises; FetchFailed; ScratchFull where everything is in use.
        """
        name = hashlib.sha256(f"{version.bucket}\0{version.key}\0{version.etag}\0{version.version_id}".encode()).hexdigest()
        held = self._reserve(name, version.size)
        try:
            with held.ready:
                if not held.sha256 or not held.path.exists():  # something else may tidy the folder
                    held.sha256 = _fetched(version, held.path, store)
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
                held = self._files[name] = Fetched(self._folder() / name, size)
            self._files.move_to_end(name)
            held.users += 1
            return held

    def tidy(self) -> None:
        """Remove what nobody uses: bytes of a deleted document must not outlive the work on it by long."""
        with self._lock:
            for name, file in list(self._files.items()):
                if not file.users:
                    self._remove(name, file)

    def _remove(self, name: str, file: Fetched) -> None:
        file.path.unlink(missing_ok=True)
        del self._files[name]

    def _folder(self) -> Path:
        """This process's own, marked as in use by a lock that ends with it."""
        if self._own is None or not self._own.exists():
            try:
                self._parent.mkdir(parents=True, exist_ok=True)
                _remove_leftovers(self._parent)
                self._own = Path(tempfile.mkdtemp(prefix=PREFIX, dir=self._parent))
                fcntl.flock(os.open(self._own, os.O_RDONLY), fcntl.LOCK_EX)
            except OSError as exc:
                raise ScratchFull(f"The scratch folder {self._parent} cannot be written ({exc.strerror}).") from exc
        return self._own

    def _make_room(self, size: int) -> None:
        excess = sum(file.size for file in self._files.values()) + size - self._limit
        for name, file in list(self._files.items()):
            if excess <= 0:
                return
            if not file.users:
                self._remove(name, file)
                excess -= file.size
        if excess > 0:
            raise ScratchFull


def _fetched(version: ObjectVersion, target: Path, store: ObjectStore) -> str:
    """Asks once more where the store failed early and answers by then: a restart in the middle says nothing against the object.

    Raises: what `ObjectStore.fetch` raises; FetchFailed where the store answers and yet does not give this object.
    """
    ends, again = time.monotonic() + FETCH_SECONDS, False
    while True:
        try:
            return store.fetch(version, target, timeout=max(0.0, ends - time.monotonic()))
        except StoreUnavailable as exc:
            if not store.ready():
                raise
            if again or ends - time.monotonic() < FETCH_SECONDS / 2:
                raise FetchFailed from exc
            again = True


def _remove_leftovers(parent: Path) -> None:
    """Folders of workers that were killed: nobody holds their lock, and nobody else would free their room."""
    for left in parent.glob(f"{PREFIX}*"):
        with suppress(OSError):
            folder = os.open(left, os.O_RDONLY)
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(folder)
