"""S3's own configuration documents: what DocuSnap puts into each, beside what others have there.

Documents are plain JSON in the shape of S3's API. DocuSnap knows its entries by their Id; everybody else's are kept as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]

CREATED = "s3:ObjectCreated:*"
PREFIXES = ("incoming/", "uploads/")
IDS = {prefix: f"docusnap-{prefix.rstrip('/')}" for prefix in PREFIXES}
CORS_ID = "docusnap"
ABANDONED_DAYS = 7  # after which parts of an upload that was never completed go away
ARN_NAMES = {"QueueConfigurations": "QueueArn", "TopicConfigurations": "TopicArn", "LambdaFunctionConfigurations": "LambdaFunctionArn"}


def notification_with(found: Json, section: str, target: str) -> Json:
    """`found` with what sends each created object of DocuSnap's prefixes to `target`; equal to it where that is so already."""
    missing = [_notification(prefix, section, target) for prefix in PREFIXES if not _is_sent(found, section, target, prefix)]
    if not missing:
        return found
    replaced = {entry["Id"] for entry in missing}
    kept = {name: [entry for entry in found.get(name, ()) if entry.get("Id") not in replaced] for name in ARN_NAMES}
    kept[section] = [*kept[section], *missing]
    return {**found, **{name: entries for name, entries in kept.items() if entries or name in found}}


def _notification(prefix: str, section: str, target: str) -> Json:
    rules = [{"Name": "prefix", "Value": prefix}]
    return {"Id": IDS[prefix], ARN_NAMES[section]: target, "Events": [CREATED], "Filter": {"Key": {"FilterRules": rules}}}


def _is_sent(found: Json, section: str, target: str, prefix: str) -> bool:
    """By whatever entry: one of the whole bucket will do as well."""
    return any(
        entry.get(ARN_NAMES[section]) == target
        and CREATED in entry["Events"]
        and prefix.startswith(_filter(entry, "prefix"))
        and not _filter(entry, "suffix")
        and set(entry.get("Filter", {})) <= {"Key"}
        for entry in found.get(section, ())
    )


def _filter(entry: Json, name: str) -> str:
    rules = entry.get("Filter", {}).get("Key", {}).get("FilterRules", ())
    return next((str(rule["Value"]) for rule in rules if rule["Name"].lower() == name), "")  # AWS answers Prefix for prefix


def rivals(found: Json, section: str, target: str) -> Sequence[str]:
    """Ids of entries that take the same events of the keys that are yet to be sent to `target`: AWS allows one of them only."""
    missing = [prefix for prefix in PREFIXES if not _is_sent(found, section, target, prefix)]
    return [str(entry.get("Id")) for entry in _entries(found) if _takes(entry, missing)]


def _entries(found: Json) -> Iterator[Json]:
    for section in ARN_NAMES:
        yield from found.get(section, ())


def _takes(entry: Json, prefixes: Sequence[str]) -> bool:
    prefix = _filter(entry, "prefix")
    created = any(event.startswith("s3:ObjectCreated:") for event in entry["Events"])
    return created and entry.get("Id") not in IDS.values() and any(_overlap(prefix, ours) for ours in prefixes)


def _overlap(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def cors_with(found: Json, origins: Sequence[str]) -> Json:
    """`found` with a rule by which browsers of `origins` may upload and download."""
    rule = {
        "ID": CORS_ID,
        "AllowedOrigins": list(origins),
        "AllowedMethods": ["PUT", "POST", "GET", "HEAD"],
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 600,
    }
    return _with(found, "CORSRules", "ID", [rule])


def lifecycle_with(found: Json) -> Json:
    """`found` with rules that end abandoned multipart uploads. They never expire an object: RETENTION_DAYS does, with its document."""
    # A configuration is of one style: the old one has the prefix beside the rule's other members.
    old = any("Prefix" in rule and "Filter" not in rule for rule in found.get("Rules", ()))
    rules = [
        {
            "ID": name,
            "Status": "Enabled",
            **({"Prefix": prefix} if old else {"Filter": {"Prefix": prefix}}),
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": ABANDONED_DAYS},
        }
        for prefix, name in IDS.items()
    ]
    return _with(found, "Rules", "ID", rules)


def expiring(found: Json) -> Sequence[str]:
    """Ids of rules, of whomever, by which the store removes what documents were read from."""
    return [str(rule.get("ID")) for rule in found.get("Rules", ()) if rule.get("Status") == "Enabled" and _expires(rule)]


def _expires(rule: Json) -> bool:
    ends = {"Days", "Date"} & set(rule.get("Expiration", {}))
    scope = rule.get("Filter", {})
    prefix = scope.get("Prefix", scope.get("And", {}).get("Prefix", rule.get("Prefix", "")))
    return bool(ends) and any(_overlap(prefix, ours) for ours in PREFIXES)


def policy_with(found: Json, queue: str, bucket: str, account: str) -> Json:
    """`found`, a queue's policy, with leave for S3 to send the events of this bucket of this account, and no others."""
    partition = queue.split(":")[1]
    statement = {
        "Sid": "DocuSnapEventsOf" + "".join(part.capitalize() for part in re.split(r"[^a-z0-9]+", bucket)),
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {
            "ArnEquals": {"aws:SourceArn": f"arn:{partition}:s3:::{bucket}"},
            "StringEquals": {"aws:SourceAccount": account},
        },
    }
    return _with(found or {"Version": "2012-10-17"}, "Statement", "Sid", [statement])


def _with(found: Json, section: str, name: str, ours: Sequence[Json]) -> Json:
    given = found.get(section, ())
    entries = [given] if isinstance(given, Mapping) else given  # a policy of one statement may do without a list
    known = {entry.get(name): entry for entry in entries}
    if all(_canonical(known.get(entry[name])) == _canonical(entry) for entry in ours):
        return found
    replaced = {entry[name] for entry in ours}
    return {**found, section: [*(entry for entry in entries if entry.get(name) not in replaced), *ours]}


def _canonical(value: Any) -> Any:
    """Stores give the words of a list in any order."""
    if isinstance(value, Mapping):
        return {key: _canonical(member) for key, member in value.items()}
    return sorted(value) if isinstance(value, list) and all(isinstance(word, str) for word in value) else value
