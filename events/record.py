"""Records what stores send for each way of writing an object, with what should be understood beside it.

    .venv/bin/python -m events.record [minio] [minio-server] [ceph] [ministack] [ministack-sns]

`minio` is the embedded JuiceFS gateway (MinIO's code); the others are brought by `tests/system/need minio ceph aws`. The expected
results are what this script itself wrote, not what our parser made of the answer. Run it again after an update of a store.
"""

from __future__ import annotations

import json
import struct
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from events.recorded_stores import BUCKET, SOURCES, Payload, Source

FOLDER = Path(__file__).parent
KEY = "uploads/acme-0123456789abcdef0123456789abcdef"
ODD = "incoming/Übersicht 2026/a+b 100% 發票 .pdf"
COPY = "incoming/copy 1+1=2.pdf"
BYTES = b"%PDF-1.4 a scan\n"

Written = tuple[str, str | None]  # etag and version


def put(client: Any) -> Written:
    url = client.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": KEY, "ContentType": "application/pdf"})
    answer = requests.put(url, data=BYTES, headers={"Content-Type": "application/pdf"}, timeout=10)
    answer.raise_for_status()
    return str(answer.headers["ETag"]), None


def post(client: Any) -> Written:
    form = client.generate_presigned_post(BUCKET, KEY)
    requests.post(form["url"], data=form["fields"], files={"file": BYTES}, timeout=10).raise_for_status()
    return etag(client, KEY), None


def multipart(client: Any) -> Written:
    upload = client.create_multipart_upload(Bucket=BUCKET, Key=KEY)["UploadId"]
    part = client.upload_part(Bucket=BUCKET, Key=KEY, UploadId=upload, PartNumber=1, Body=BYTES)
    parts = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
    client.complete_multipart_upload(Bucket=BUCKET, Key=KEY, UploadId=upload, MultipartUpload=parts)
    return etag(client, KEY), None


def odd_key(client: Any) -> Written:
    return str(client.put_object(Bucket=BUCKET, Key=ODD, Body=BYTES)["ETag"]), None


def copy(client: Any) -> Written:
    client.copy_object(Bucket=BUCKET, Key=COPY, CopySource={"Bucket": BUCKET, "Key": KEY})
    return etag(client, COPY), None


def removed(client: Any) -> None:
    client.delete_object(Bucket=BUCKET, Key=KEY)


def versioned(client: Any) -> Written:
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    answer = client.put_object(Bucket=BUCKET, Key=KEY, Body=BYTES)
    return str(answer["ETag"]), str(answer["VersionId"])


def etag(client: Any, key: str) -> str:
    return str(client.head_object(Bucket=BUCKET, Key=key)["ETag"])


WAYS: dict[str, tuple[Callable[[Any], Written | None], str]] = {
    "put": (put, KEY),
    "post": (post, KEY),
    "multipart": (multipart, KEY),
    "copy": (copy, COPY),
    "odd-key": (odd_key, ODD),
    "removed": (removed, KEY),
    "versioned": (versioned, KEY),
}


def keep(folder: Path, name: str, payload: Payload, expected: list[Payload], secrets: tuple[str, ...] = ()) -> None:
    text = json.dumps(payload, indent=2, ensure_ascii=False)
    for secret in secrets:
        text = text.replace(secret, "ACCESSKEY")
    (folder / f"{name}.json").write_text(text + "\n", "utf-8")
    (folder / f"{name}.expected.json").write_text(json.dumps(expected, indent=2, ensure_ascii=False) + "\n", "utf-8")


def understood(payload: Payload, key: str, written: Written | None) -> list[Payload]:
    """The sequencer is the store's own, put so that it sorts by time; all else is what was sent."""
    if written is None:
        return []
    tag, version = written
    body = json.loads(payload["Message"]) if "Message" in payload else payload
    record = body["Records"][0]
    sequencer = record["s3"]["object"]["sequencer"]
    if record["eventSource"] == "ceph:s3":  # two little-endian words: seconds and nanoseconds
        sequencer = "{:08X}{:08X}".format(*struct.unpack("<II", bytes.fromhex(sequencer)))
    members = {"bucket": BUCKET, "key": key, "etag": tag.strip('"'), "size": len(BYTES)}
    return [{**members, "sequencer": sequencer, "version_id": version}]


def record(name: str, source: Source) -> None:
    folder = FOLDER / name
    folder.mkdir(exist_ok=True)
    payloads, expectations = [], []
    for way, (write, key) in WAYS.items():
        if way == "versioned" and not source.versions:
            continue
        written = write(source.client)
        payload = source.told()
        expected = understood(payload, key, written)
        keep(folder, way, payload, expected, source.secrets)
        payloads.append(payload)
        expectations.append(expected)
        sys.stderr.write(f"{name}/{way}\n")
    if "Records" in payloads[0]:
        several = {**payloads[0], "Records": [one for payload in payloads for one in payload["Records"]]}
        keep(folder, "several-records", several, [event for expected in expectations for event in expected], source.secrets)


def main(names: list[str]) -> None:
    for name in names or ["minio"]:
        with (
            tempfile.TemporaryDirectory(prefix="docusnap-events-", ignore_cleanup_errors=True) as folder,
            SOURCES[name](Path(folder)) as source,
        ):
            record(name, source)


if __name__ == "__main__":
    main(sys.argv[1:])
