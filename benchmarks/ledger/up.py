"""`docusnap up` whose worker has the trivial engine; all else is as its users start it."""

from __future__ import annotations

import os

from docusnap.hosts.embedded import stack, up

if __name__ == "__main__":
    stack.APPS["worker"] = "benchmarks.ledger.trivial:app"
    raise SystemExit(up.main(None, os.environ))
