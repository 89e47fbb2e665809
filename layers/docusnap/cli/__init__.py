"""The command line. `docusnap ocr|get|list|search|cancel|delete|reprocess` speak HTTP only; the others use the database.

Exit status: 0 all succeeded, 1 some did not, 2 usage.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from docusnap.cli.parser import parse


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; every error is one sentence on stderr."""
    options = parse(sys.argv[1:] if argv is None else argv)
    try:
        status: int = options.run(options, os.environ)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        _drop_output()  # the reader (head, less) has seen enough
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        return 130
    except Exception as exc:
        if (sentence := _sentence(exc)) is None:
            raise
        if isinstance(exc, OSError):
            _drop_output()
        sys.stderr.write(f"docusnap: {sentence}\n")
        return 1


def _drop_output() -> None:
    """Nobody can take what is still buffered; Python would try once more at its end, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _sentence(exc: Exception) -> str | None:
    """What the user is told; None for what only a programmer can mend."""
    from docusnap.cli.place import NoServer  # noqa: PLC0415  `docusnap --version` loads none of these
    from docusnap.client import ClientError  # noqa: PLC0415
    from docusnap.errors import DocuSnapError  # noqa: PLC0415
    from docusnap.hosts.embedded.trouble import CannotStart  # noqa: PLC0415

    if isinstance(exc, DocuSnapError):
        return exc.problem.message.strip()
    if isinstance(exc, OSError):
        return f"{exc.filename or 'The output'}: {exc.strerror}."
    return str(exc) if isinstance(exc, (NoServer, ClientError, CannotStart)) else None
