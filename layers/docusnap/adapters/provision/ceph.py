"""Ceph: the bucket's events go to a topic, which posts them to intake and keeps what is not taken (persistent)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from docusnap.adapters.provision.buckets import Buckets
from docusnap.adapters.provision.clients import client, translated
from docusnap.errors import ConfigurationError
from docusnap.provision.documents import IDS, Json
from docusnap.provision.plan import Change, Found, Step, Topic, Wanted
from docusnap.settings import Settings


class CephPreparer:
    """`Preparable` for Ceph's object gateway. Raises: ConfigurationError where EVENTS_TOKEN is needed and not set."""

    def __init__(self, settings: Settings, wanted: Wanted) -> None:
        if wanted.events_url and not wanted.token:
            raise ConfigurationError("EVENTS_TOKEN is not set: it stands in the address to which Ceph sends its events.")
        self._settings, self._wanted = settings, wanted
        self._bucket = Buckets(settings)

    def find(self) -> Found:
        exists, topic = self._bucket.exists(), self._topic()
        if not exists:
            return Found(False, {}, {}, {}, topic=topic)
        return Found(True, self._bucket.notification(), self._bucket.cors(), self._bucket.lifecycle(), topic=topic)

    def perform(self, change: Change) -> None:
        match change.step:
            case Step.BUCKET:
                self._bucket.create(None)
            case Step.TOPIC:
                with self._translated("create the topic"):
                    self._sns.create_topic(Name=self._wanted.queue, Attributes=change.document)
            case Step.NOTIFICATION:
                self._notify(change.document)
            case _:
                self._bucket.perform(change)

    def _topic(self) -> Topic:
        arn = next((arn for arn in self._arns() if arn.rpartition(":")[2] == self._wanted.queue), None)
        if arn is None:
            return Topic(None)
        with self._translated("read the topic"):
            attributes = self._sns.get_topic_attributes(TopicArn=arn)["Attributes"]
        endpoint = json.loads(attributes.get("EndPoint") or "{}")
        return Topic(arn, str(endpoint.get("EndpointAddress", "")), str(endpoint.get("Persistent", "")).lower() == "true")

    def _arns(self) -> Iterator[str]:
        more: dict[str, str] = {}
        while True:
            with self._translated("list the topics"):
                page = self._sns.list_topics(**more)
            yield from (topic["TopicArn"] for topic in page.get("Topics", ()))
            if not page.get("NextToken"):
                return
            more = {"NextToken": page["NextToken"]}

    def _notify(self, document: Json) -> None:
        """Ours only: Ceph keeps the others, and they may have filters of Ceph's own that boto3 does not know."""
        arn = self._topic().arn
        ours = [{**entry, "TopicArn": arn} for entry in document["TopicConfigurations"] if entry.get("Id") in IDS.values()]
        with self._translated("set the bucket's notifications"):
            self._bucket.client.put_bucket_notification_configuration(
                Bucket=self._bucket.name, NotificationConfiguration={"TopicConfigurations": ours}
            )

    @cached_property
    def _sns(self) -> Any:
        with self._translated("connect"):
            return client(self._settings, "sns")

    @contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        with translated(self._settings, doing):
            yield
