"""The `ocr` function: works until nothing is due or its time is up."""

from typing import Any

from docusnap.api.app import ContextClock
from docusnap.bootstrap import parts


def handler(event: Any, context: Any) -> dict[str, Any]:  # noqa: ARG001  the wake says nothing: the ledger does
    return parts().worker.run(ContextClock(context))
