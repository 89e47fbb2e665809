"""The sweep timer: calls the `sweep` function every ten seconds, as a schedule does elsewhere, and survives its errors."""

from __future__ import annotations

import importlib
import logging
import time

from docusnap.hosts import logs

INTERVAL = 10.0  # seconds

log = logging.getLogger(__name__)


def main() -> None:
    logs.configure()
    handler = importlib.import_module("functions.sweep.app").handler
    while True:
        began = time.monotonic()
        try:
            handler({}, None)
        except Exception:
            log.exception("sweep failed; the next run is in %.0f s", INTERVAL)
        time.sleep(max(0.0, INTERVAL - (time.monotonic() - began)))


if __name__ == "__main__":
    main()
