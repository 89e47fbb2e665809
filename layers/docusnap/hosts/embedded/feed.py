"""A file sent through the front door of a running stack, and its text printed as it lands, page by page."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from docusnap.client import Client, ClientError, Json, is_final

SAMPLE = Path(__file__).resolve().parents[2] / "sample"


def sample() -> Path | None:
    """The page that ships with DocuSnap."""
    pages = sorted(path for path in SAMPLE.glob("*") if path.suffix in {".png", ".jpg", ".jpeg", ".pdf", ".tif"})
    return pages[0] if pages else None


def feed(
    client: Client, path: Path, say: Callable[[str], None], *, anew: bool = True, registered: Callable[[], None] = lambda: None
) -> bool:
    """Send a file and print its text; what the server says against it is printed as code and message, never raised.

    `anew`: as a new document, even if the same file was sent before. `registered` is called once the document exists.
    Returns whether every page succeeded.
    """
    began = time.monotonic()
    say(f"\nSending {path.name} through the front door …")
    try:
        document = client.send(path, anew=anew)
        registered()
        return _follow(client, document, say, began)
    except ClientError as exc:
        say(f"{path.name}: {exc}")
    except OSError as exc:
        say(f"{path.name} cannot be read: {exc.strerror}.")
    return False


def _follow(client: Client, document: Json, say: Callable[[str], None], began: float) -> bool:
    shown = 0
    while True:
        document = client.document(document["id"])
        shown = _show_finished(client, document, shown, say)
        if is_final(document):
            break
        time.sleep(0.1 if time.monotonic() - began < 5 else 0.5)
    if error := document.get("error"):
        say(f"{document['filename']}: {error['code']}: {error['message']}")
    say(f"— {document['filename']}: {document['status']} after {time.monotonic() - began:.1f} s, document {document['id']}")
    return bool(document["status"] == "succeeded")


def _show_finished(client: Client, document: Json, shown: int, say: Callable[[str], None]) -> int:
    """Print the pages after `shown` that are finished, in order, and return the last one's number."""
    total = document["pages"]["total"] or 0
    while shown < total:
        try:
            page = client.page(document["id"], shown + 1)
        except ClientError as exc:
            if exc.status in {404, 409}:  # not finished, or the document ended without content
                return shown
            raise
        shown += 1
        _show(page, total, say)
    return shown


def _show(page: Json, total: int, say: Callable[[str], None]) -> None:
    say(f"— page {page['number']} of {total}")
    if page["status"] != "succeeded":
        error = page.get("error") or {}
        say(f"[{page['status']}] {error.get('code', '')}: {error.get('message', '')}")
    else:
        say("(this page is blank)" if page.get("empty") else page["text"])
