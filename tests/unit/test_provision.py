"""What is decided about a store: which changes, in which order, and what is left alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from docusnap.cli.parser import parse
from docusnap.errors import ConfigurationError, StoreUnavailable
from docusnap.provision import documents
from docusnap.provision.plan import WEBHOOK_ARN, Change, Found, Kind, Note, Queue, Step, Topic, Wanted, plan
from docusnap.provision.prepare import NotOffered, prepare
from docusnap.settings import of_store

QUEUE = "arn:aws:sqs:eu-west-1:111122223333:scans-ocr"
TOPIC = "arn:aws:sns:default::scans-ocr"
AWS = Wanted(Kind.AWS, "scans", "scans-ocr", None, None, ("https://app.example",))
CEPH = Wanted(Kind.CEPH, "scans", "scans-ocr", "http://docusnap.example/events/s3", "a/token", ())
MINIO = Wanted(Kind.MINIO, "scans", "scans-ocr", None, None, ())


def queue(attributes: dict[str, str] | None = None, *, dead: bool = False) -> Queue:
    return Queue(QUEUE, "111122223333", f"{QUEUE}-dead", dead, attributes)


def nothing(target: Queue | Topic | None) -> Found:
    """No bucket yet."""
    found = Found(bucket=False, notification={}, cors={}, lifecycle={})
    return replace(found, queue=target) if isinstance(target, Queue) else replace(found, topic=target)


def performed(wanted: Wanted, found: Found) -> Found:
    """What a store has that did every change."""
    for change in plan(wanted, found).changes:
        found = _performed(found, change)
    return found


def _performed(found: Found, change: Change) -> Found:
    match change.step:
        case Step.BUCKET:
            return replace(found, bucket=True)
        case Step.DEAD_LETTERS:
            return replace(found, queue=replace(found.queue, dead_exists=True))
        case Step.QUEUE | Step.QUEUE_ATTRIBUTES:
            return replace(found, queue=replace(found.queue, attributes={**(found.queue.attributes or {}), **change.document}))
        case Step.TOPIC:
            return replace(found, topic=Topic(TOPIC, change.document["push-endpoint"], persistent=True))
        case Step.NOTIFICATION:
            text = json.dumps(change.document).replace('"scans-ocr"', f'"{TOPIC}"')  # Ceph's target has no ARN before it is made
            return replace(found, notification=json.loads(text))
        case Step.CORS:
            return replace(found, cors=change.document)
        case Step.LIFECYCLE:
            return replace(found, lifecycle=change.document)
    raise AssertionError(change)


def steps(changes: Sequence[Change]) -> list[Step]:
    return [change.step for change in changes]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [(AWS, nothing(queue())), (CEPH, nothing(Topic(None))), (MINIO, replace(nothing(None), cors=None, lifecycle=None))],
    ids=["aws", "ceph", "minio"],
)
def test_a_store_that_did_every_change_needs_none(wanted: Wanted, found: Found) -> None:
    assert plan(wanted, found).changes
    decided = plan(wanted, performed(wanted, found))
    assert (decided.changes, decided.notes) == ([], [])


def test_on_aws_the_queue_may_be_sent_to_before_the_bucket_is_told_of_it() -> None:
    order = steps(plan(AWS, nothing(queue())).changes)
    assert order == [Step.BUCKET, Step.DEAD_LETTERS, Step.QUEUE, Step.NOTIFICATION, Step.CORS, Step.LIFECYCLE]


def test_a_queue_that_hides_messages_for_too_short_a_time_hides_them_longer_and_keeps_its_dead_letters() -> None:
    policy = json.dumps(documents.policy_with({}, QUEUE, "scans", "111122223333"))
    there = queue({"VisibilityTimeout": "30", "RedrivePolicy": '{"deadLetterTargetArn":"theirs"}', "Policy": policy})
    changes = plan(AWS, nothing(there)).changes
    assert [change.document for change in changes if change.step is Step.QUEUE_ATTRIBUTES] == [{"VisibilityTimeout": "720"}]
    assert Step.DEAD_LETTERS not in steps(changes)


def test_a_queue_that_hides_messages_longer_than_needed_is_left_alone() -> None:
    there = performed(AWS, nothing(queue({"VisibilityTimeout": "3600"})))
    assert there.queue is not None
    assert (there.queue.attributes or {})["VisibilityTimeout"] == "3600"


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_only_this_bucket_of_this_account_may_send_to_the_queue(partition: str) -> None:
    arn = f"arn:{partition}:sqs:somewhere:111122223333:scans-ocr"
    others = {"Sid": "Theirs", "Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": arn}
    policy = documents.policy_with({"Version": "2012-10-17", "Statement": others}, arn, "my-scans", "111122223333")
    assert policy["Statement"][0] == others
    ours = policy["Statement"][1]
    assert ours["Principal"] == {"Service": "s3.amazonaws.com"}
    assert ours["Condition"] == {
        "ArnEquals": {"aws:SourceArn": f"arn:{partition}:s3:::my-scans"},
        "StringEquals": {"aws:SourceAccount": "111122223333"},
    }
    assert ours["Sid"].isalnum()
    assert documents.policy_with(policy, arn, "my-scans", "111122223333") == policy


def test_two_buckets_may_send_to_one_queue() -> None:
    one = documents.policy_with({}, QUEUE, "a-b", "1")
    both = documents.policy_with(one, QUEUE, "ab", "1")
    assert len(both["Statement"]) == 2


def entry(name: str, prefix: str = "", events: Sequence[str] = ("s3:ObjectCreated:*",), **more: Any) -> dict[str, Any]:
    rules = [{"Name": "Prefix", "Value": prefix}] if prefix else []
    return {"Id": name, "QueueArn": "arn:theirs", "Events": list(events), "Filter": {"Key": {"FilterRules": rules}}, **more}


def test_notifications_of_others_and_what_stands_beside_them_are_kept() -> None:
    found = {
        "QueueConfigurations": [entry("theirs", "thumbs/"), entry("docusnap-uploads", "old/")],
        "LambdaFunctionConfigurations": [{"Id": "f", "LambdaFunctionArn": "arn:f", "Events": ["s3:ObjectRemoved:*"]}],
        "EventBridgeConfiguration": {},
    }
    new = documents.notification_with(found, "QueueConfigurations", QUEUE)
    assert [one["Id"] for one in new["QueueConfigurations"]] == ["theirs", "docusnap-incoming", "docusnap-uploads"]
    assert new["QueueConfigurations"][0] == found["QueueConfigurations"][0]
    assert new["LambdaFunctionConfigurations"] == found["LambdaFunctionConfigurations"]
    assert new["EventBridgeConfiguration"] == {}
    assert "TopicConfigurations" not in new


def test_a_notification_with_a_suffix_or_of_fewer_events_is_not_enough() -> None:
    pdf = [{"Name": "suffix", "Value": ".pdf"}]
    found = {
        "QueueConfigurations": [
            entry("pdf", QueueArn=QUEUE, Filter={"Key": {"FilterRules": pdf}}),
            entry("put", QueueArn=QUEUE, events=["s3:ObjectCreated:Put"]),
            entry("tags", QueueArn=QUEUE, Filter={"Tags": {"FilterRules": []}}),
        ]
    }
    new = documents.notification_with(found, "QueueConfigurations", QUEUE)
    assert len(new["QueueConfigurations"]) == 5


@pytest.mark.parametrize(
    ("theirs", "in_the_way"),
    [
        (entry("all"), True),
        (entry("below", "uploads/2026/"), True),
        (entry("above", "up"), True),
        (entry("ours in part", "incoming/", QueueArn=QUEUE, events=["s3:ObjectCreated:Put"]), True),
        (entry("ours for one prefix", "incoming/", QueueArn=QUEUE), False),
        (entry("beside", "thumbs/"), False),
        (entry("removed", events=["s3:ObjectRemoved:*"]), False),
    ],
    ids=lambda value: value["Id"] if isinstance(value, dict) else None,
)
def test_on_aws_another_receiver_of_the_same_events_is_left_and_told(theirs: dict[str, Any], in_the_way: bool) -> None:
    found = replace(nothing(queue()), bucket=True, notification={"QueueConfigurations": [theirs]})
    decided = plan(AWS, found)
    assert (Step.NOTIFICATION not in steps(decided.changes)) is in_the_way
    assert [theirs["Id"] in note.text for note in decided.notes if note.blocks] == ([True] if in_the_way else [])


def test_elsewhere_several_may_receive_the_same_events() -> None:
    found = replace(nothing(None), bucket=True, notification={"QueueConfigurations": [entry("all")]})
    assert Step.NOTIFICATION in steps(plan(MINIO, found).changes)


def test_cors_of_others_is_kept_and_the_order_of_words_means_nothing() -> None:
    theirs = {"ID": "theirs", "AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}
    new = documents.cors_with({"CORSRules": [theirs]}, ["https://a.example", "https://b.example"])
    assert new["CORSRules"][0] == theirs
    ours = new["CORSRules"][1]
    turned = {"CORSRules": [{**ours, "AllowedMethods": sorted(ours["AllowedMethods"]), "AllowedOrigins": ours["AllowedOrigins"][::-1]}]}
    assert documents.cors_with(turned, ["https://a.example", "https://b.example"]) == turned
    assert documents.cors_with(turned, ["https://c.example"]) != turned


def test_nobody_who_asks_for_no_origin_changes_cors() -> None:
    assert Step.CORS not in steps(plan(replace(AWS, origins=()), nothing(queue())).changes)


def test_lifecycle_ends_abandoned_uploads_and_never_expires_an_object() -> None:
    rules = documents.lifecycle_with({})["Rules"]
    assert [rule["Filter"] for rule in rules] == [{"Prefix": "incoming/"}, {"Prefix": "uploads/"}]
    assert not [rule for rule in rules if "Expiration" in rule or "NoncurrentVersionExpiration" in rule]


def test_lifecycle_keeps_to_the_style_and_the_settings_that_are_there() -> None:
    old = {
        "Rules": [{"ID": "theirs", "Prefix": "logs/", "Status": "Enabled"}],
        "TransitionDefaultMinimumObjectSize": "varies_by_storage_class",
    }
    new = documents.lifecycle_with(old)
    assert new["Rules"][0] == old["Rules"][0]
    assert all("Filter" not in rule for rule in new["Rules"])
    assert new["TransitionDefaultMinimumObjectSize"] == old["TransitionDefaultMinimumObjectSize"]
    assert documents.lifecycle_with(new) == new


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"Filter": {"Prefix": ""}, "Expiration": {"Days": 30}}, True),
        ({"Filter": {"And": {"Prefix": "uploads/", "Tags": []}}, "Expiration": {"Date": "2027-01-01"}}, True),
        ({"Prefix": "incoming/", "Expiration": {"Days": 1}}, True),
        ({"Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 30}}, False),
        ({"Filter": {"Prefix": ""}, "Expiration": {"ExpiredObjectDeleteMarker": True}}, False),
        ({"Filter": {"Prefix": ""}, "Expiration": {"Days": 30}, "Status": "Disabled"}, False),
    ],
)
def test_a_rule_that_removes_originals_is_told(rule: dict[str, Any], told: bool) -> None:
    found = replace(nothing(queue()), lifecycle={"Rules": [{"ID": "theirs", "Status": "Enabled", **rule}]})
    assert any("theirs" in note.text and not note.blocks for note in plan(AWS, found).notes) is told


def test_ceph_is_not_asked_to_post_to_nowhere() -> None:
    decided = plan(replace(CEPH, events_url=None), nothing(Topic(None)))
    assert [note.blocks for note in decided.notes] == [True]
    assert steps(decided.changes) == [Step.BUCKET, Step.LIFECYCLE]


@pytest.mark.parametrize(
    "stale", [Topic(TOPIC, "http://elsewhere.example", persistent=True), Topic(TOPIC, "http://docusnap.example/events/s3/a%2Ftoken")]
)
def test_a_topic_of_ceph_that_changes_is_noted_by_the_bucket_again(stale: Topic) -> None:
    there = replace(performed(CEPH, nothing(Topic(None))), topic=stale)
    assert steps(plan(CEPH, there).changes) == [Step.TOPIC, Step.NOTIFICATION]


def test_a_topic_that_is_there_needs_no_address_given_again() -> None:
    there = performed(CEPH, nothing(Topic(None)))
    assert plan(replace(CEPH, events_url=None), there).changes == []


def test_the_token_is_part_of_the_address_and_of_no_sentence() -> None:
    decided = plan(CEPH, nothing(Topic(None)))
    topic = next(change for change in decided.changes if change.step is Step.TOPIC)
    assert topic.document["push-endpoint"] == "http://docusnap.example/events/s3/a%2Ftoken"
    assert "token" not in repr(decided) + repr(CEPH) + repr(nothing(Topic(TOPIC, "http://x/a%2Ftoken"))).replace("EVENTS_TOKEN", "")


class StoreThatLacks:
    """Does every change but those it lacks."""

    def __init__(self, *lacks: Step) -> None:
        self.lacks, self.found = lacks, nothing(queue())
        self.did: list[Step] = []

    def find(self) -> Found:
        return self.found

    def perform(self, change: Change) -> None:
        if change.step in self.lacks:
            raise NotOffered(f"no {change.step}", blocks=change.step is Step.NOTIFICATION)
        self.did.append(change.step)
        self.found = _performed(self.found, change)


class StoreThatForgets(StoreThatLacks):
    """Somebody else takes every notification away again."""

    def find(self) -> Found:
        self.found = replace(self.found, notification={})
        return self.found


def test_what_a_store_lacks_does_not_keep_back_the_rest() -> None:
    store, said = StoreThatLacks(Step.NOTIFICATION), []
    found, notes = prepare(store, AWS, dry_run=False, say=said.append)
    assert notes == [Note("no notification", blocks=True)]
    assert store.did == [Step.BUCKET, Step.DEAD_LETTERS, Step.QUEUE, Step.CORS, Step.LIFECYCLE]
    assert found.bucket
    assert len(said) == len(store.did)


def test_a_dry_run_performs_nothing() -> None:
    store, said = StoreThatLacks(), []
    prepare(store, AWS, dry_run=True, say=said.append)
    assert store.did == []
    assert len(said) == 6
    assert all(line.startswith("would ") for line in said)


def test_who_undoes_every_change_is_not_fought_for_ever() -> None:
    with pytest.raises(StoreUnavailable, match="Somebody else"):
        prepare(StoreThatForgets(), AWS, dry_run=False, say=lambda _: None)


def test_webhooks_are_named_as_the_variables_of_the_store_are() -> None:
    found = replace(nothing(None), cors=None, lifecycle=None)
    change = next(change for change in plan(MINIO, found).changes if change.step is Step.NOTIFICATION)
    assert {entry["QueueArn"] for entry in change.document["QueueConfigurations"]} == {WEBHOOK_ARN}


def test_the_settings_of_a_store_need_no_database() -> None:
    environ = {"S3_ENDPOINT_URL": "http://store.example:9000", "DATABASE_URL": "nonsense", "DATABASE_URL_FILE": "/nowhere"}
    assert of_store(environ).s3_endpoint_url == "http://store.example:9000"
    with pytest.raises(ConfigurationError, match="S3_ENDPOINT_URL is not set"):
        of_store({})


@pytest.mark.parametrize("words", [["--queue", "a.b"], ["--queue", "x" * 76], ["--events-url", "docusnap.example"], ["--kind", "gcs"]])
def test_usage_errors_end_with_two(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["provision", *words])
    assert ended.value.code == 2
