"""A bucket notification of any dialect → `ObjectCreated`, one per record that names a new object.

How each store writes keys and names was measured (events/README.md): MinIO and AWS quote keys as a form does, Ceph and EventBridge do not.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote_plus

from docusnap.errors import NotificationUnparsable
from docusnap.model import ObjectCreated

log = logging.getLogger(__name__)

Json = Mapping[str, Any]
TEST = "s3:TestEvent"


def parse(payload: object) -> Sequence[ObjectCreated]:
    """Every object that the notification says was created; empty for test events and for removals.

    A record that makes no sense is logged and left out, so that it does not keep back those beside it.

    Raises: NotificationUnparsable where nothing in it makes sense.
    """
    if not isinstance(payload, Mapping):
        raise NotificationUnparsable
    if _is_test(payload):
        return ()
    if payload.get("source") == "aws.s3":
        return _event_bridge(payload)
    records = payload.get("Records")
    if not isinstance(records, list):
        raise NotificationUnparsable
    return _records(records)


def _is_test(payload: Json) -> bool:
    """What stores send when a notification is set up."""
    return payload.get("Event") == TEST or payload.get("EventName") == TEST


def _records(records: Sequence[object]) -> Sequence[ObjectCreated]:
    created: list[ObjectCreated] = []
    senseless = 0
    for record in records:
        try:
            created += _record(record)
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            senseless += 1
            log.warning("a record of a notification makes no sense", extra={"reason": repr(exc)})
    if senseless and senseless == len(records):
        raise NotificationUnparsable
    return tuple(created)


def _record(record: Any) -> Sequence[ObjectCreated]:
    translate = _DIALECTS[record["eventSource"]]
    if not record["eventName"].removeprefix("s3:").startswith("ObjectCreated:"):
        return ()
    return (_event(record["s3"]["bucket"]["name"], record["s3"]["object"], translate),)


def _event_bridge(payload: Json) -> Sequence[ObjectCreated]:
    if payload.get("detail-type") != "Object Created":
        return ()
    try:
        detail = payload["detail"]
        return (_event(detail["bucket"]["name"], detail["object"], _raw),)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise NotificationUnparsable from exc


def _event(bucket: str, seen: Json, translate: Callable[[str], str]) -> ObjectCreated:
    key = seen["key"]
    if not isinstance(bucket, str) or not isinstance(key, str):
        raise TypeError("bucket and key are strings")
    etag, size = seen.get("eTag", seen.get("etag")), seen.get("size")
    version = seen.get("versionId", seen.get("version-id"))
    return ObjectCreated(
        bucket=_storable(bucket),
        key=_storable(translate(key)),
        etag=_text(etag, lambda value: value.strip('"')),
        size=size if isinstance(size, int) and not isinstance(size, bool) else None,
        sequencer=_text(seen.get("sequencer")),
        version_id=_text(version),
    )


def _text(value: object, translate: Callable[[str], str] = str) -> str | None:
    return _storable(translate(value)) if isinstance(value, str) and value else None


def _storable(text: str) -> str:
    """No database takes a NUL or half a surrogate pair, and no such object can exist."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")


def _raw(key: str) -> str:
    return key


# SNS and SQS envelopes will unwrap here to one of these.
_DIALECTS: Mapping[str, Callable[[str], str]] = {
    "minio:s3": unquote_plus,  # MinIO, and JuiceFS, which is its code
    "aws:s3": unquote_plus,  # AWS S3
    "ceph:s3": _raw,  # Ceph RGW
}
