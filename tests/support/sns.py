"""SNS as its subscribers see it: envelopes signed with a key of the test's own, and AWS's host, whose answers the test decides."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from docusnap.adapters.https import Answer, Unreachable

TOPIC = "arn:aws:sns:us-east-1:123456789012:docusnap-uploads"
HOST = "https://sns.us-east-1.amazonaws.com"
CERTIFICATE = f"{HOST}/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
NEXT_CERTIFICATE = f"{HOST}/SimpleNotificationService-fedcba9876543210fedcba9876543210.pem"
SUBSCRIBE = f"{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37"
# As AWS's documentation orders them; written here a second time, so that a slip in one of the two shows.
NOTIFICATION_FIELDS = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
CONFIRMATION_FIELDS = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")


@dataclass(frozen=True, slots=True)
class Signer:
    """A key and the certificate of it, in PEM."""

    key: rsa.RSAPrivateKey
    certificate: bytes

    def sign(self, envelope: Mapping[str, Any], version: str = "2", url: str = CERTIFICATE) -> dict[str, Any]:
        names = NOTIFICATION_FIELDS if envelope["Type"] == "Notification" else CONFIRMATION_FIELDS
        text = "".join(f"{name}\n{envelope[name]}\n" for name in names if name in envelope)
        digest = hashes.SHA1() if version == "1" else hashes.SHA256()  # noqa: S303  what SNS signs with, unless its topic says 2
        signature = self.key.sign(text.encode("utf-8"), padding.PKCS1v15(), digest)
        signed = {"SignatureVersion": version, "Signature": base64.b64encode(signature).decode("ascii"), "SigningCertURL": url}
        return {**envelope, **signed}


@cache
def signer(name: str = "first") -> Signer:
    """A key and a self-signed certificate, made once a process; another name gives another key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"sns.amazonaws.com {name}")])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    built = built.serial_number(x509.random_serial_number()).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return Signer(key, built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


def notification(message: str, **members: Any) -> dict[str, Any]:
    """An unsigned envelope as SNS writes it for an event of S3."""
    return {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Subject": "Amazon S3 Notification",
        "Message": message,
        "Timestamp": stamp(datetime.now(UTC)),
        "UnsubscribeURL": f"{HOST}/?Action=Unsubscribe",
        **members,
    }


def confirmation(kind: str = "SubscriptionConfirmation", **members: Any) -> dict[str, Any]:
    return {
        "Type": kind,
        "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
        "Token": "2336412f37",
        "TopicArn": TOPIC,
        "Message": "You have chosen to subscribe to the topic.\nTo confirm the subscription, visit the SubscribeURL.",
        "SubscribeURL": SUBSCRIBE,
        "Timestamp": stamp(datetime.now(UTC)),
        **members,
    }


def stamp(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03}Z"


def about(bucket: str, key: str) -> str:
    """The message of S3 about one new object; the key as AWS quotes it."""
    seen = {"bucket": {"name": bucket}, "object": {"key": key}}
    return json.dumps({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": seen}]})


@dataclass(slots=True)
class Aws:
    """What stands in for sns.<region>.amazonaws.com, which cannot be had here; it counts what it is asked."""

    documents: dict[str, Answer] = field(
        default_factory=lambda: {CERTIFICATE: Answer(200, signer().certificate), SUBSCRIBE: Answer(200, b"")}
    )
    away: bool = False
    asked: list[str] = field(default_factory=list)

    def get(self, url: str) -> Answer:
        self.asked.append(url)
        if self.away:
            raise Unreachable("nobody answers")
        return self.documents.get(url, Answer(404, b""))
