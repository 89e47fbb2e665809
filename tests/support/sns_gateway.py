"""The gateway, run by gunicorn, where AWS's own host is played by a folder: `SNS_STAND_IN/<the quoted address>` is what it answers.

Nothing else differs from `docusnap.hosts.gateway`; there is no AWS here to fetch a certificate from.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from docusnap.adapters.https import Answer, Unreachable
from docusnap.adapters.sns import SnsTopics
from docusnap.api import intake, query, upload
from docusnap.bootstrap import Parts
from docusnap.hosts import logs
from docusnap.hosts.gateway import application
from docusnap.hosts.http import Application

ASKED = "asked"  # one address a line


def put(folder: Path, url: str, body: bytes) -> None:
    """What `url` answers from now on."""
    (folder / quote(url, safe="")).write_bytes(body)


class _StandIn(Parts):
    @property
    def topics(self) -> SnsTopics:  # type: ignore[override]  one a request, so that no certificate is kept between tests
        return SnsTopics(self.settings.sns_topic_arns, get=_get)


def _get(url: str) -> Answer:
    folder = Path(os.environ["SNS_STAND_IN"])
    with (folder / ASKED).open("a", encoding="utf-8") as asked:
        asked.write(f"{url}\n")
    if (folder / "away").exists():
        raise Unreachable("nobody answers")
    file = folder / quote(url, safe="")
    return Answer(200, file.read_bytes()) if file.exists() else Answer(404, b"")


def create() -> Application:
    """What gunicorn calls once a process."""
    parts = _StandIn(os.environ)
    logs.configure()
    return application(
        upload.create_app(lambda: parts), query.create_app(lambda: parts), intake.create_handler(lambda: parts), lambda: parts
    )
