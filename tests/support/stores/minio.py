"""The real MinIO server, built by `tests/system/need minio`."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.ports import free_port
from tests.support.stores.store import BINARIES, Store, await_answer, bare_environ, running


@contextmanager
def running_minio(
    folder: Path,
    *,
    webhook: str | None = None,
    token: str | None = None,
    origins: Sequence[str] | None = None,
    queue: bool = False,
    port: int | None = None,
) -> Iterator[Store]:
    """MinIO on files under `folder`; again on the same folder it finds what was there, its keys included.

    `webhook` is the endpoint of its target OCR, `token` what it says there; `queue` keeps undelivered events on disk (up to 3 s later).
    """
    folder.mkdir(parents=True, exist_ok=True)
    access_key, secret_key = _keys(folder)
    address, log = f"127.0.0.1:{port or free_port()}", folder / "minio.log"
    environ = bare_environ(
        HOME=str(folder), MINIO_ROOT_USER=access_key, MINIO_ROOT_PASSWORD=secret_key, MINIO_UPDATE="off", MINIO_BROWSER="off"
    )
    if webhook:
        environ |= {"MINIO_NOTIFY_WEBHOOK_ENABLE_OCR": "on", "MINIO_NOTIFY_WEBHOOK_ENDPOINT_OCR": webhook}
        environ |= {"MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_OCR": token} if token else {}
        environ |= {"MINIO_NOTIFY_WEBHOOK_QUEUE_DIR_OCR": str(folder / "events")} if queue else {}
    if origins:
        environ["MINIO_API_CORS_ALLOW_ORIGIN"] = ",".join(origins)
    command = [str(BINARIES / "minio"), "server", "--quiet", "--address", address, "--console-address", "127.0.0.1:0", str(folder / "data")]
    with running(command, environ, log, folder) as process:
        await_answer(process, f"http://{address}/minio/health/cluster", log)
        yield Store("minio", f"http://{address}", access_key, secret_key, "us-east-1", log, (process.pid,))


def _keys(folder: Path) -> tuple[str, str]:
    kept = folder / "keys"
    if not kept.exists():
        kept.write_text(f"{secrets.token_hex(10)} {secrets.token_hex(20)}", "ascii")
    access_key, secret_key = kept.read_text("ascii").split()
    return access_key, secret_key
