"""What a run left: in the API, in the bucket, in the ledger, on the disk."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docusnap.client import Client

from tests.acceptance.homes.base import s3_client
from tests.acceptance.homes.embedded_home import EmbeddedHome
from tests.chaos.documents import Paper
from tests.chaos.flight import Change, Flight
from tests.chaos.report import Event

Json = dict[str, Any]
DOCUMENTS = "SELECT filename, key, (SELECT count(*) FROM revision r WHERE r.document_id = d.id) FROM document d"

QUEUED = """
    SELECT filename, min(f.at) FROM document d JOIN revision r ON r.document_id = d.id
    JOIN chaos.flight f ON f.revision_id = r.id GROUP BY 1
"""


@dataclass
class Outcome:
    """One run's end."""

    seed: int
    papers: Sequence[Paper]
    events: list[Event] = field(default_factory=list)
    returned: dict[str, float] = field(default_factory=dict)  # when each host came back
    documents: dict[str, list[Json]] = field(default_factory=lambda: defaultdict(list))  # by filename, as the API tells them
    contents: dict[str, Json] = field(default_factory=dict)  # by filename
    hits: dict[str, list[Json]] = field(default_factory=dict)  # of a search for each page, by its words
    keys: dict[str, str] = field(default_factory=dict)  # of each document, by filename
    revisions: dict[str, int] = field(default_factory=dict)  # of each document, by filename
    objects: dict[str, str] = field(default_factory=dict)  # sha256 by key, as the bucket holds them
    queued: dict[str, float] = field(default_factory=dict)  # when, by filename
    logs: dict[str, str] = field(default_factory=dict)  # of each host
    changes: Sequence[Change] = ()
    due: int = -1
    exit_status: int | None = None
    processes: Sequence[int] = ()
    scratch: Sequence[Path] = ()

    def ask(self, home: EmbeddedHome, flight: Flight) -> None:
        """While the stack still runs."""
        client = Client(home.api, home.key)
        for document in client.documents():
            self.documents[document["filename"]].append(document)
        for paper in self.papers:
            for document in self.documents[paper.name] if paper.pages else ():
                self.contents[paper.name] = json.loads(b"".join(client.content(document["id"], "json")))
            for words in (page.partition("\n")[0] for page in paper.pages):
                self.hits[words] = list(client.search(f'"{words}"'))
        client.close()
        self.objects = objects(home)
        self.ask_ledger(flight)

    def ask_ledger(self, flight: Flight) -> None:
        rows = flight.ask(DOCUMENTS) or []
        self.keys = {filename: key for filename, key, _ in rows}
        self.revisions = {filename: count for filename, _, count in rows}
        self.queued = dict(flight.ask(QUEUED) or [])
        self.due = (flight.ask("SELECT count(*) FROM work WHERE due_at IS NOT NULL") or [(-1,)])[0][0]
        self.changes = flight.changes()

    def look(self, home: EmbeddedHome) -> None:
        """When it has ended."""
        self.processes = home.kin.alive()
        self.scratch = [path for path in (home.home / "scratch").rglob("*") if path.is_file()]


def objects(home: EmbeddedHome) -> dict[str, str]:
    """The sha256 of every object in the bucket, by its key."""
    keys, found = home.s3_keys, {}
    s3 = s3_client(f"http://127.0.0.1:{home.s3_port}", keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"])
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=keys["S3_BUCKET"]):
        for entry in page.get("Contents", ()):
            body = s3.get_object(Bucket=keys["S3_BUCKET"], Key=entry["Key"])["Body"].read()
            found[entry["Key"]] = hashlib.sha256(body).hexdigest()
    s3.close()
    return found
