"""DOCUSNAP_HOME: the one folder that holds data, keys and logs of an embedded stack."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docusnap.hosts.embedded.trouble import CannotStart

GLANCE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Home:
    """The names of everything under DOCUSNAP_HOME; `path` is absolute."""

    path: Path

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Home:
        return cls(Path(environ.get("DOCUSNAP_HOME") or ".docusnap").expanduser().resolve())

    @property
    def api_key(self) -> Path:
        return self.path / "api-key"

    @property
    def s3_env(self) -> Path:
        return self.path / "s3.env"

    @property
    def events_token(self) -> Path:
        return self.path / "events-token"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def run(self) -> Path:
        """Where the running stack is; present while it runs, and left behind by one that was killed."""
        return self.path / "run.json"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def database(self) -> Path:
        return self.path / "postgres"

    @property
    def store(self) -> Path:
        return self.path / "store"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics"

    @property
    def scratch(self) -> Path:
        return self.path / "scratch"

    @property
    def sample_sent(self) -> Path:
        """Present once the sample page was registered."""
        return self.path / "sample-sent"

    def create(self) -> None:
        """Make the folders that every start needs, for this user only.

        Raises: CannotStart where the disk or the permissions refuse.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.logs, self.metrics, self.scratch):
                folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as exc:
            raise CannotStart(f"DOCUSNAP_HOME {self.path} cannot be written: {exc.strerror}.") from exc

    def running(self) -> dict[str, Any] | None:
        """What the live stack of this home wrote about itself; None where none is running or it is not that far."""
        if not self.live():
            return None
        try:
            found = json.loads(self.run.read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def live(self) -> bool:
        """Whether a stack holds this home just now."""
        try:
            with self.lock.open("rb") as file:
                return not _try_lock(file.fileno(), fcntl.LOCK_SH)
        except OSError:
            return False


class HomeLock:
    """The claim of one supervisor on one home. It ends with the process, however that ends."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._fd = -1

    def acquire(self) -> bool:
        """False where another supervisor has it. Children never inherit the descriptor, so they cannot keep it.

        Asked for GLANCE_SECONDS, since `Home.live` of a command beside us holds the lock for an instant too.
        """
        self._fd = os.open(self._home.lock, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + GLANCE_SECONDS
        while not (ours := _try_lock(self._fd, fcntl.LOCK_EX)) and time.monotonic() < deadline:
            time.sleep(0.02)
        return ours

    def release(self) -> None:
        os.close(self._fd)


def _try_lock(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step, readable by its owner only (0600); a crash leaves the old one or the new one."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def read_line(path: Path) -> str | None:
    """A one-line file without its line end; None where it is missing or empty."""
    try:
        return path.read_text("utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def read_values(path: Path) -> dict[str, str]:
    """A file of NAME=value lines; what is not such a line is passed over."""
    lines = (read_line(path) or "").splitlines()
    return {name.strip(): value.strip() for name, separator, value in (line.partition("=") for line in lines) if separator}
