"""A bucket notification of any dialect → `ObjectCreated`, one per record that names a new object.

How each store writes keys and names was measured (events/README.md): MinIO and AWS quote keys as a form does, Ceph and EventBridge do not.
Envelopes are taken off from the outside in, each at most once: SNS, then CloudEvents (or a batch of them), then the notification itself.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from docusnap.errors import NotificationUnparsable
from docusnap.model import ObjectCreated

log = logging.getLogger(__name__)

Json = Mapping[str, Any]
TEST = "s3:TestEvent"
SNS_NOTIFICATION = "Notification"
SNS_TYPES = frozenset({SNS_NOTIFICATION, "SubscriptionConfirmation", "UnsubscribeConfirmation"})
CLOUD_EVENT_TYPE = "com.amazonaws.s3."  # what the CloudEvents adapter for S3 puts before the event's name


class _Senseless(Exception):
    """What was found is none of the things that it can be."""


# What a member may be missing or of the wrong type for.
_MALFORMED = (_Senseless, KeyError, TypeError, ValueError, AttributeError, RecursionError)


def is_sns(payload: object) -> bool:
    """Whether this is an envelope of SNS, which is to be believed only where its signature was verified, or its queue's policy vouches."""
    if not isinstance(payload, Mapping):
        return False
    kind = payload.get("Type")
    return isinstance(kind, str) and kind in SNS_TYPES and isinstance(payload.get("TopicArn"), str)


def parse(payload: object) -> Sequence[ObjectCreated]:
    """Every object that a message of a queue says was created; an SNS envelope is taken off, since the queue's policy says who may send.

    Raises: NotificationUnparsable where nothing in it makes sense.
    """
    return parse_bare(_message(payload) if is_sns(payload) else payload)


def parse_bare(payload: object) -> Sequence[ObjectCreated]:
    """Every object that the notification says was created; empty for test events and for removals. No SNS envelope passes.

    A record that makes no sense is logged and left out, so that it does not keep back those beside it.

    Raises: NotificationUnparsable where nothing in it makes sense.
    """
    if not isinstance(payload, list):
        return _each([payload], _opened)
    if not payload or not all(_is_cloud_event(event) for event in payload):
        raise NotificationUnparsable
    return _each(payload, _cloud_event)


def parse_message(text: str) -> Sequence[ObjectCreated]:
    """`parse_bare` of the Message of an SNS envelope that was verified.

    Raises: NotificationUnparsable.
    """
    return parse_bare(_load(text))


def as_cloud_event(payload: object, headers: Mapping[str, str]) -> object:
    """CloudEvents' binary mode, where the attributes are headers, as its structured mode; anything else as it is."""
    if not headers.get("ce-specversion") or _is_cloud_event(payload) or is_sns(payload):
        return payload
    return {"specversion": headers["ce-specversion"], "type": headers.get("ce-type"), "source": headers.get("ce-source"), "data": payload}


def _message(envelope: Any) -> object:
    """Confirmations say nothing of objects: a queue needs none, and who sends one here is told so."""
    if envelope["Type"] != SNS_NOTIFICATION or not isinstance(envelope.get("Message"), str):
        raise NotificationUnparsable
    return _load(envelope["Message"])


def _load(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise NotificationUnparsable from exc


def _each(parts: Sequence[object], translate: Callable[[Any], Sequence[ObjectCreated]]) -> Sequence[ObjectCreated]:
    created: list[ObjectCreated] = []
    senseless = 0
    for part in parts:
        try:
            created += translate(part)
        except (*_MALFORMED, NotificationUnparsable) as exc:
            senseless += 1
            log.warning("a part of a notification makes no sense", extra={"reason": repr(exc)})
    if senseless and senseless == len(parts):
        raise NotificationUnparsable
    return tuple(created)


def _opened(payload: Any) -> Sequence[ObjectCreated]:
    if _is_cloud_event(payload):
        return _cloud_event(payload)
    return _notification(payload)


def _notification(payload: Any) -> Sequence[ObjectCreated]:
    if payload.get("Event") == TEST or payload.get("EventName") == TEST:  # what stores send when a notification is set up
        return ()
    if payload.get("source") == "aws.s3":
        return _detail(payload["detail"], payload["detail-type"])
    records = payload["Records"]
    if not isinstance(records, list):
        raise _Senseless("Records is no list")
    return _each(records, _record)


def _record(record: Any) -> Sequence[ObjectCreated]:
    dialect = _DIALECTS[record["eventSource"]]
    if not _is_creation(record["eventName"]):
        return ()
    return (_event(record["s3"]["bucket"]["name"], record["s3"]["object"], dialect),)


def _detail(detail: Any, kind: str) -> Sequence[ObjectCreated]:
    """EventBridge's own form, whose keys are as they are."""
    if not _is_creation(kind):
        return ()
    return (_event(detail["bucket"]["name"], detail["object"], _EVENT_BRIDGE),)


def _is_creation(name: str) -> bool:
    """`s3:ObjectCreated:Put`, `ObjectCreated:Put`, `Object Created`."""
    return name.removeprefix("s3:").replace(" ", "").startswith("ObjectCreated")


def _is_cloud_event(payload: object) -> bool:
    return isinstance(payload, Mapping) and isinstance(payload.get("specversion"), str)


def _cloud_event(event: Any) -> Sequence[ObjectCreated]:
    """The data is a notification, one of its records, the record's `s3` alone (type and source say the rest), or EventBridge's detail."""
    data = _data_of(event)
    if "Records" in data or "source" in data or "Event" in data:
        return _notification(data)
    if "eventSource" in data:
        return _record(data)
    kind = event["type"].removeprefix(CLOUD_EVENT_TYPE)
    found = data.get("s3", data)
    if "s3SchemaVersion" not in found:
        return _named_detail(found, kind)
    source = event["source"].partition(".")[0]  # aws:s3.us-west-2.mybucket
    return _record({"eventSource": source, "eventName": kind, "s3": found})


def _named_detail(detail: Any, kind: str) -> Sequence[ObjectCreated]:
    if not kind.startswith("Object"):
        raise _Senseless(f"an event of type {kind[:100]!r} is none of S3's")
    return _detail(detail, kind)


def _data_of(event: Json) -> Any:
    data = event["data"] if "data" in event else _load(base64.b64decode(event["data_base64"], validate=True))
    if not isinstance(data, Mapping):
        raise _Senseless("the data of an event is no JSON object")
    return data


def _event(bucket: str, seen: Json, dialect: _Dialect) -> ObjectCreated:
    key = seen["key"]
    if not isinstance(bucket, str) or not isinstance(key, str):
        raise TypeError("bucket and key are strings")
    etag, size = seen.get("eTag", seen.get("etag")), seen.get("size")
    version = seen.get("versionId", seen.get("version-id"))
    return ObjectCreated(
        bucket=_storable(bucket),
        key=_storable(dialect.key(key)),
        etag=_text(etag, lambda value: value.strip('"')),
        size=size if isinstance(size, int) and not isinstance(size, bool) else None,
        sequencer=_text(seen.get("sequencer"), dialect.sequencer),
        version_id=_text(version),
    )


def _text(value: object, translate: Callable[[str], str] = str) -> str | None:
    return _storable(translate(value)) if isinstance(value, str) and value else None


def _storable(text: str) -> str:
    """No database takes a NUL or half a surrogate pair, and no such object can exist."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")


def _as_it_is(text: str) -> str:
    return text


def _turned_round(sequencer: str) -> str:
    """Ceph writes seconds and nanoseconds as they lie in memory, the least byte first: as they are, a later one may well sort before."""
    digits = sequencer.upper()
    if len(digits) != 16 or set(digits) - set("0123456789ABCDEF"):
        return sequencer
    pairs = [digits[at : at + 2] for at in range(0, 16, 2)]
    return "".join((*pairs[3::-1], *pairs[:3:-1]))


@dataclass(frozen=True, slots=True)
class _Dialect:
    """How a store writes what it names."""

    key: Callable[[str], str] = _as_it_is
    sequencer: Callable[[str], str] = _as_it_is  # to one whose order as text is the order of the events


_EVENT_BRIDGE = _Dialect()
_DIALECTS: Mapping[str, _Dialect] = {
    "minio:s3": _Dialect(key=unquote_plus),  # MinIO, and JuiceFS, which is its code
    "aws:s3": _Dialect(key=unquote_plus),  # AWS S3
    "rustfs:s3": _Dialect(key=unquote_plus),  # RustFS
    "ceph:s3": _Dialect(sequencer=_turned_round),  # Ceph RGW
}
