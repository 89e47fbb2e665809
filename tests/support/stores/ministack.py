"""ministack: S3, SQS, SNS and Lambda's event source mapping of AWS in one process, brought by `tests/system/need aws`.

It checks presigned requests as AWS does, and queue policies; requests signed in a header pass with any secret.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.ports import free_port
from tests.support.stores.store import ROOT, Store, await_answer, bare_environ, running

PROGRAM = ROOT / ".cache" / "aws" / "bin" / "ministack"
KEYS = ("test", "test")  # ministack's own root of the account 000000000000


@contextmanager
def running_ministack(
    folder: Path, *, webhook: str | None = None, token: str | None = None, origins: Sequence[str] | None = None, port: int | None = None
) -> Iterator[Store]:
    """ministack with its state under `folder`. AWS knows no webhook and no origins of a server: they are refused here."""
    assert webhook is token is origins is None, "ministack has queues and CORS by the bucket; set them by its API"
    folder.mkdir(parents=True, exist_ok=True)
    number, log = port or free_port(), folder / "ministack.log"
    url = f"http://127.0.0.1:{number}"
    environ = bare_environ(
        HOME=str(folder),
        TMPDIR=os.environ.get("TMPDIR", "/tmp"),  # noqa: S108  the folder of the system
        BIND_HOST="127.0.0.1",
        GATEWAY_PORT=str(number),
        MINISTACK_HOST="127.0.0.1",
        AUTH="true",
        PERSIST_STATE="1",
        STATE_DIR=str(folder / "state"),
        S3_PERSIST="1",
        S3_DATA_DIR=str(folder / "s3"),
    )
    with running([str(PROGRAM)], environ, log, folder) as process:
        await_answer(process, f"{url}/_ministack/health", log)
        yield Store("ministack", url, *KEYS, "us-east-1", log, (process.pid,))
