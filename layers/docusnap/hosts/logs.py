"""One JSON object a line, on standard error: what every log collector reads."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TextIO

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """Time, level, logger, message, whatever was given as `extra`, and the traceback, if any."""

    def format(self, record: logging.LogRecord) -> str:
        given = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        trace = {"traceback": self.formatException(record.exc_info)} if record.exc_info else {}
        return _line(record.created, record.levelname.lower(), record.name, record.getMessage(), given | trace)


def _line(seconds: float, level: str, logger: str, message: str, told: Mapping[str, Any]) -> str:
    moment = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return _encode({"time": moment, "level": level, "logger": logger, "message": message, **told})


_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode


def write(logger: logging.Logger, message: str, told: Mapping[str, Any]) -> None:
    """A line of level INFO for what is told with every request, since logging itself costs three times as much; to no other handler."""
    if not logger.isEnabledFor(logging.INFO):
        return
    # As logging has it, what cannot be written is lost: neither a full disk nor a closed stderr stops a request.
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(_line(time.time(), "info", logger.name, message, told) + "\n")


class Lines(logging.StreamHandler[TextIO]):
    """Without a lock: a line is one write, and a thread that wrote would keep all others waiting for the system."""

    def createLock(self) -> None:  # noqa: N802  logging's name
        """As its own NullHandler has it."""
        self.lock = None


# For gunicorn, whose own lines would be plain text among the others; over its own CONFIG_DEFAULTS.
GUNICORN = {
    "formatters": {"json": {"()": JsonLines}},
    "handlers": {"stderr": {"()": Lines, "formatter": "json"}},
    "root": {"level": "WARNING", "handlers": ["stderr"]},
    "loggers": {"gunicorn.error": {"level": "INFO", "handlers": ["stderr"], "propagate": False}},
}


def configure() -> None:
    """Send the log of this whole process there: ours from INFO on, libraries' from WARNING on. What others had set up is replaced."""
    handler = Lines(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("docusnap").setLevel(logging.INFO)
    # What no line tells is not looked for: https://docs.python.org/3/howto/logging.html#optimization
    logging._srcfile = None  # noqa: SLF001  documented there
    logging.logThreads = logging.logMultiprocessing = False
