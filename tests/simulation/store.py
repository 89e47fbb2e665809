"""A bucket in memory, with what real ones do badly: forget If-None-Match, list late, be away."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from docusnap import errors
from docusnap.ledger import LATE
from docusnap.model import ObjectCreated, ObjectVersion, UploadTicket

from tests.simulation.clock import Clock
from tests.simulation.files import Content
from tests.simulation.tasks import current, pause


@dataclass(frozen=True)
class Change:
    """A key got these bytes, or none."""

    at: datetime
    content: Content | None


@dataclass
class Bucket:
    """ports.ObjectStore."""

    clock: Clock
    honours_if_none_match: bool = True
    lists_late: timedelta = timedelta(0)
    away: bool = False
    bucket: str = "docusnap"
    history: dict[str, list[Change]] = field(default_factory=dict)
    events: list[ObjectCreated] = field(default_factory=list)  # of what was put, in this order
    _puts: int = 0

    # --- what a client does

    def put(self, key: str, content: Content, *, if_none_match: bool = False) -> bool:
        """False: 412, there is one already."""
        if if_none_match and self.honours_if_none_match and self.holds(key):
            return False
        self._change(key, content)
        self._puts += 1
        self.events.append(ObjectCreated(self.bucket, key, content.etag, len(content.data), f"{self._puts:04X}"))
        return True

    def remove(self, key: str) -> None:
        self._change(key, None)

    def _change(self, key: str, content: Content | None) -> None:
        self.clock.tick()
        self.history.setdefault(key, []).append(Change(self.clock.now, content))

    def holds(self, key: str, at: datetime | None = None) -> Content | None:
        """What is there, or was at that moment."""
        changes = [change for change in self.history.get(key, ()) if at is None or change.at <= at]
        return changes[-1].content if changes else None

    def object_keys(self) -> list[str]:
        """Of what is there, in order."""
        return sorted(key for key in self.history if self.holds(key))

    def was_there_since(self, key: str, etag: str, moment: datetime) -> bool:
        """Whether these bytes stood under the key at the moment, or later."""
        changes = self.history.get(key, [])
        ends = [change.at for change in changes[1:]] + [None]
        return any(
            change.content is not None and change.content.etag == etag and (end is None or end > moment)
            for change, end in zip(changes, ends, strict=True)
        )

    def disturbed(self, key: str, etag: str) -> bool:
        """Whether these bytes were once replaced or taken away."""
        changes = self.history.get(key, [])
        return any(before.content is not None and before.content.etag == etag for before in changes[:-1])

    # --- what DocuSnap does

    def _answer(self) -> None:
        if (task := current()) is not None:
            task.check()
        if self.away:
            raise errors.StoreUnavailable

    def head(self, key: str) -> ObjectVersion | None:
        self._answer()
        content = self.holds(key)
        return content and self._version(key, content)

    def _version(self, key: str, content: Content) -> ObjectVersion:
        return ObjectVersion(self.bucket, key, content.etag, len(content.data))

    def fetch(self, version: ObjectVersion, target: Path, *, timeout: float) -> str:
        pause("a fetch")
        self._answer()
        content = self.holds(version.key)
        if content is None:
            raise errors.ObjectMissing
        if content.etag != version.etag:
            raise errors.ObjectChanged
        target.write_bytes(content.data)
        return hashlib.sha256(content.data).hexdigest()

    def list(self, prefix: str, start_after: str | None, limit: int) -> Sequence[ObjectVersion]:
        """As it was a while ago: without what came since, and with what went since."""
        pause("a listing")
        self._answer()
        then = self.clock.now - self.lists_late
        keys = [key for key in sorted(self.history) if key.startswith(prefix) and key > (start_after or "")]
        found = [(key, self.holds(key, then)) for key in keys]
        return [self._version(key, content) for key, content in found if content][:limit]

    def delete(self, key: str) -> None:
        pause("a removal")
        self._answer()
        if self.holds(key):
            self.remove(key)

    def presign_put(self, key: str, content_type: str, size: int, expires_in: timedelta) -> UploadTicket:
        return UploadTicket("PUT", key, self.clock.now + expires_in, headers={"If-None-Match": "*"})

    def presign_post(self, key: str, content_type: str, size: tuple[int, int], expires_in: timedelta) -> UploadTicket:
        return UploadTicket("POST", key, self.clock.now + expires_in, fields={})

    def presign_get(self, key: str, filename: str, expires_in: timedelta) -> str:
        return key

    def ready(self) -> bool:
        return not self.away


def open_until(ticket: UploadTicket) -> datetime:
    """When the slowest upload that began in time has ended."""
    return ticket.expires_at + LATE
