"""A function that works until it is told to stop, behind the HTTP host, as the `ocr` function does with a long page."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from docusnap import errors
from docusnap.hosts.http import json_host


def handler(event: Any, context: Any) -> dict[str, Any]:
    """`{"hold": file}`: work, and write the file once begun; `{"fail": code}`: end with that error."""
    if "fail" in event:
        raise next(error for error in errors.catalogue() if error.code == event["fail"])
    if "crash" in event:
        raise ZeroDivisionError("secret detail")
    if "hold" in event:
        Path(event["hold"]).touch()
        while not context.stopping():
            time.sleep(0.01)
    return {"stopping": context.stopping(), "remaining": context.remaining(), "event": event}


app = json_host(handler, 1e6)
