"""What to change in a store: decided from what is wanted and what was found, before anything is touched."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import quote

from docusnap.provision import documents
from docusnap.provision.documents import Json

VISIBILITY_SECONDS = 6 * 120  # a message stays hidden six times as long as one call of `ocr` may take (AWS's advice)
RECEIVES = 10  # after which a message that could not even be noted is a dead letter
DEAD_LETTER_SECONDS = 14 * 24 * 3600  # the most that SQS keeps
WEBHOOK_ARN = "arn:minio:sqs::OCR:webhook"  # ID OCR, as in MINIO_NOTIFY_WEBHOOK_ENABLE_OCR


class Kind(StrEnum):
    MINIO = "minio"  # and its kin: the JuiceFS gateway, RustFS
    AWS = "aws"
    CEPH = "ceph"


class Step(StrEnum):
    BUCKET = "bucket"
    DEAD_LETTERS = "dead letters"
    QUEUE = "queue"
    QUEUE_ATTRIBUTES = "queue attributes"
    TOPIC = "topic"
    NOTIFICATION = "notification"
    CORS = "cors"
    LIFECYCLE = "lifecycle"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the operator asked for."""

    kind: Kind
    bucket: str
    queue: str  # the name of the SQS queue, or of Ceph's topic
    events_url: str | None  # of intake, as the store reaches it: http(s)://host/events/s3
    token: str | None = field(repr=False)  # EVENTS_TOKEN
    origins: Sequence[str]  # of browsers that may upload

    @property
    def push_endpoint(self) -> str | None:
        """Where Ceph posts: it sets no header, so that the token stands in the path."""
        return f"{self.events_url}/{quote(self.token or '', safe='')}" if self.events_url else None


@dataclass(frozen=True, slots=True)
class Queue:
    """An SQS queue and the one of its dead letters, made or yet to be made."""

    arn: str
    account: str  # whose it is, and whose the bucket must be
    dead_arn: str
    dead_exists: bool
    attributes: Mapping[str, str] | None  # as SQS gives them; None: there is no such queue
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of Ceph's."""

    arn: str | None  # None: there is no such topic
    endpoint: str = field(default="", repr=False)
    persistent: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What the store has now. A document is empty where it has none, and None where it is not set by the bucket."""

    bucket: bool
    notification: Json
    cors: Json | None
    lifecycle: Json | None
    refused_origins: Sequence[str] = ()  # of `Wanted.origins`, where the server itself decides
    queue: Queue | None = None
    topic: Topic | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to do, and the whole new document or attributes to do it with."""

    step: Step
    says: str  # in words, as what one would do
    document: Json = field(default_factory=dict, repr=False)  # may hold the events' token


@dataclass(frozen=True, slots=True)
class Note:
    """What the operator should know."""

    text: str
    blocks: bool = False  # no event arrives before this is mended


@dataclass(frozen=True, slots=True)
class Plan:
    changes: Sequence[Change]
    notes: Sequence[Note]


def plan(wanted: Wanted, found: Found) -> Plan:
    """Every change in the order in which it has to be done; none where the store is as it should be."""
    decided = [*_bucket(wanted, found), *_target(wanted, found), *_cors(wanted, found), *_lifecycle(found)]
    changes = [one for one in decided if isinstance(one, Change)]
    return Plan(changes, [one for one in decided if isinstance(one, Note)])


Decision = Iterator[Change | Note]


def _bucket(wanted: Wanted, found: Found) -> Decision:
    if not found.bucket:
        yield Change(Step.BUCKET, f"create the bucket {wanted.bucket}")


def _target(wanted: Wanted, found: Found) -> Decision:
    if found.queue is not None:
        yield from _queue(wanted, found.queue)
        yield from _notification(found, "QueueConfigurations", found.queue.arn, f"the queue {wanted.queue}")
    elif found.topic is not None:
        yield from _topic(wanted, found, found.topic)
    else:
        yield from _notification(found, "QueueConfigurations", WEBHOOK_ARN, "the store's webhook OCR")


def _notification(found: Found, section: str, target: str, name: str, *, again: bool = False) -> Decision:
    document = documents.notification_with(found.notification, section, target)
    if document == found.notification and not again:
        return
    if found.queue is not None and (rivals := documents.rivals(found.notification, section, target)):
        yield Note(
            f"The bucket's events of the same keys go elsewhere already ({', '.join(rivals)}), and AWS allows one receiver: "
            f"end that, narrow its prefix, or let an SNS topic or EventBridge feed both.",
            blocks=True,
        )
        return
    prefixes = " and ".join(documents.PREFIXES)
    yield Change(Step.NOTIFICATION, f"send the events of objects created under {prefixes} to {name}", document)


def _queue(wanted: Wanted, queue: Queue) -> Decision:
    attributes = queue.attributes or {}
    redrive = {"deadLetterTargetArn": queue.dead_arn, "maxReceiveCount": RECEIVES}
    missing: dict[str, str] = {}
    if not attributes.get("RedrivePolicy"):
        missing["RedrivePolicy"] = json.dumps(redrive)
        if not queue.dead_exists:
            name = queue.dead_arn.rpartition(":")[2]
            kept = {"MessageRetentionPeriod": str(DEAD_LETTER_SECONDS)}
            yield Change(Step.DEAD_LETTERS, f"create the queue {name} for what cannot be delivered", kept)
    if int(attributes.get("VisibilityTimeout", 0)) < VISIBILITY_SECONDS:
        missing["VisibilityTimeout"] = str(VISIBILITY_SECONDS)
    policy = json.loads(attributes.get("Policy") or "{}")
    allowed = documents.policy_with(policy, queue.arn, wanted.bucket, queue.account)
    if allowed != policy:
        missing["Policy"] = json.dumps(allowed)
    if queue.attributes is None:
        yield Change(Step.QUEUE, f"create the queue {wanted.queue}, to which only this bucket may send", missing)
    elif missing:
        yield Change(Step.QUEUE_ATTRIBUTES, f"set {', '.join(sorted(missing))} of the queue {wanted.queue}", missing)


def _topic(wanted: Wanted, found: Found, topic: Topic) -> Decision:
    endpoint = wanted.push_endpoint
    if endpoint is None:
        if topic.arn is None:
            yield Note("Ceph has to be told where intake is: give --events-url http(s)://host/events/s3.", blocks=True)
            return
        endpoint = topic.endpoint
    stale = topic.arn is None or topic.endpoint != endpoint or not topic.persistent
    if stale:
        attributes = {"push-endpoint": endpoint, "persistent": "true"}
        shown = wanted.events_url or "intake"
        yield Change(Step.TOPIC, f"let the topic {wanted.queue} post to {shown}/<EVENTS_TOKEN>, and keep what is not taken", attributes)
    # Notifications keep a copy of their topic: they are set again with it.
    yield from _notification(found, "TopicConfigurations", topic.arn or wanted.queue, f"the topic {wanted.queue}", again=stale)


def _cors(wanted: Wanted, found: Found) -> Decision:
    if found.cors is None:
        if found.refused_origins:
            names = ",".join(found.refused_origins)
            yield Note(
                f"This store has no CORS of a bucket, and refuses browsers of {names}: set MINIO_API_CORS_ALLOW_ORIGIN on the store's "
                f"server to every origin, separated by commas, and start it again."
            )
        return
    if not wanted.origins:
        return
    document = documents.cors_with(found.cors, wanted.origins)
    if document != found.cors:
        yield Change(Step.CORS, f"let browsers of {', '.join(wanted.origins)} upload and download (CORS)", document)


def _lifecycle(found: Found) -> Decision:
    if found.lifecycle is None:
        return
    document = documents.lifecycle_with(found.lifecycle)
    if document != found.lifecycle:
        yield Change(Step.LIFECYCLE, f"end multipart uploads that are abandoned for {documents.ABANDONED_DAYS} days (lifecycle)", document)
    if rules := documents.expiring(found.lifecycle):
        yield Note(
            f"The bucket's lifecycle removes originals of documents (rule {', '.join(rules)}): they can then not be read again; "
            f"RETENTION_DAYS is what removes a document with all that belongs to it."
        )
