"""`docusnap up`, apart from the other commands so that it starts without loading the database's client."""

from __future__ import annotations

from collections.abc import Mapping

from docusnap.cli.parser import Options
from docusnap.hosts.embedded import up


def run(options: Options, environ: Mapping[str, str]) -> int:
    return up.main(options.file, environ)
