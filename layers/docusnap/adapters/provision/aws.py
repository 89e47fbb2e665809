"""AWS: the bucket's events go to an SQS queue, from which they start `ocr`; what cannot be delivered goes to a queue of dead letters."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from docusnap.adapters.provision.buckets import Buckets
from docusnap.adapters.provision.clients import client, code_of, message_of, region_of, translated
from docusnap.provision.documents import Json
from docusnap.provision.plan import Change, Found, Queue, Step, Wanted
from docusnap.settings import Settings

_NO_QUEUE = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}
_MADE_ALREADY = {"QueueAlreadyExists", "QueueNameExists"}
SETTLING_SECONDS = 45.0  # until S3 sees that a new queue lets it send
ATTRIBUTES = ["VisibilityTimeout", "RedrivePolicy", "Policy"]


class AwsPreparer:
    """`Preparable` on AWS, or on what has AWS's S3, SQS and STS on one address."""

    def __init__(self, settings: Settings, wanted: Wanted) -> None:
        self._settings, self._wanted = settings, wanted
        self._bucket = Buckets(settings)
        self._dead_name = f"{wanted.queue}-dead"

    def find(self) -> Found:
        account, partition = self._identity
        exists = self._bucket.exists(owner=account)
        queue = self._queue(f"arn:{partition}:sqs:{region_of(self._settings)}:{account}", account)
        if not exists:
            return Found(False, {}, {}, {}, queue=queue)
        return Found(True, self._bucket.notification(), self._bucket.cors(), self._bucket.lifecycle(), queue=queue)

    def perform(self, change: Change) -> None:
        match change.step:
            case Step.BUCKET:
                self._bucket.create(region_of(self._settings))
            case Step.DEAD_LETTERS:
                self._create_queue(self._dead_name, change.document)
            case Step.QUEUE:
                self._create_queue(self._wanted.queue, change.document)
            case Step.QUEUE_ATTRIBUTES:
                with self._translated("change the queue"):
                    self._sqs.set_queue_attributes(QueueUrl=self._url(self._wanted.queue), Attributes=change.document)
            case Step.NOTIFICATION:
                self._notify(change.document)
            case _:
                self._bucket.perform(change)

    def _queue(self, arn: str, account: str) -> Queue:
        name = self._wanted.queue
        url = self._url(name)
        attributes: Mapping[str, str] | None = None
        if url is not None:
            with self._translated("read the queue"):
                attributes = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=ATTRIBUTES).get("Attributes", {})
        return Queue(
            arn=f"{arn}:{name}",
            account=account,
            dead_arn=f"{arn}:{self._dead_name}",
            dead_exists=self._url(self._dead_name) is not None,
            attributes=attributes,
            url=url,
        )

    def _url(self, name: str) -> str | None:
        with self._translated(f"see the queue {name}"):
            try:
                return str(self._sqs.get_queue_url(QueueName=name)["QueueUrl"])
            except ClientError as exc:
                if code_of(exc) in _NO_QUEUE:
                    return None
                raise

    def _create_queue(self, name: str, attributes: Json) -> None:
        with self._translated(f"create the queue {name}"):
            try:
                self._sqs.create_queue(QueueName=name, Attributes=attributes)
            except ClientError as exc:
                if code_of(exc) not in _MADE_ALREADY:  # by somebody else at this moment; what it lacks is set in the next round
                    raise

    def _notify(self, document: Json) -> None:
        """S3 tries the queue before it takes the configuration, and sees a policy some seconds after it was set."""
        ends = time.monotonic() + SETTLING_SECONDS
        with self._translated("set the bucket's notifications"):
            while True:
                try:
                    self._bucket.client.put_bucket_notification_configuration(Bucket=self._bucket.name, NotificationConfiguration=document)
                    return
                except ClientError as exc:
                    settling = code_of(exc) == "InvalidArgument" and "destination" in message_of(exc)
                    if not settling or time.monotonic() > ends:
                        raise
                time.sleep(2)

    @cached_property
    def _identity(self) -> tuple[str, str]:
        """The account of the keys, and its partition: aws, aws-cn or aws-us-gov."""
        with self._translated("say whose they are (STS)"):
            caller = client(self._settings, "sts").get_caller_identity()
        return str(caller["Account"]), str(caller["Arn"]).split(":")[1]

    @cached_property
    def _sqs(self) -> Any:
        with self._translated("connect"):
            return client(self._settings, "sqs")

    @contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        with translated(self._settings, doing):
            yield
