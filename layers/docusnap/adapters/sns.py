"""SNS over HTTP: whether an envelope is genuine, by the rules that AWS documents, and the answer to a subscription's question.

The certificate is AWS's where AWS's own host hands it out by TLS: its chain is not looked at again, as in AWS's own validators.
"""

from __future__ import annotations

import base64
import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from Crypto.Hash import SHA1, SHA256
from Crypto.PublicKey import RSA
from Crypto.Signature import pkcs1_15

from docusnap import errors
from docusnap.adapters.https import Answer, HttpsClient, Unreachable

log = logging.getLogger(__name__)

Envelope = Mapping[str, Any]

# \Z, since $ would let a line end through. A certificate has no query: SNS's API, on the same host, answers with what callers put into it.
HOST = re.compile(r"sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?\Z")
CERTIFICATE = re.compile(r"/[A-Za-z0-9_-]+\.pem\Z")
NOTIFICATION = "Notification"
CONFIRMATION = "SubscriptionConfirmation"
SIGNED: Mapping[str, tuple[str, ...]] = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    CONFIRMATION: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
OPTIONAL = "Subject"
HASHES: Mapping[str, Any] = {"1": SHA1, "2": SHA256}  # by SignatureVersion
# SNS tries again for an hour at most; no two clocks are quite equal.
OLDEST, FUTURE = timedelta(minutes=70), timedelta(minutes=10)
CERTIFICATES = 8  # kept; a region has one at a time
KEPT = timedelta(hours=24)
CERTIFICATE_BYTES, FETCH_SECONDS = 32_768, 6.0  # SNS itself waits for 15 s


def _now() -> datetime:
    return datetime.now(UTC)


class SnsTopics:
    """`ports.Topics` for the topics of these ARNs. Safe under threads; asks AWS for a certificate once a day."""

    def __init__(self, arns: Collection[str], *, get: Callable[[str], Answer] | None = None, now: Callable[[], datetime] = _now) -> None:
        self._arns = frozenset(arns)
        self._get = get or HttpsClient(size=CERTIFICATE_BYTES, seconds=FETCH_SECONDS).get
        self._now = now
        self._keys: OrderedDict[str, tuple[datetime, RSA.RsaKey]] = OrderedDict()
        self._lock = threading.Lock()

    def open(self, envelope: Envelope) -> str | None:
        """See `ports.Topics`. What costs nothing is looked at first, so that a stranger makes us fetch as little as can be."""
        if envelope.get("TopicArn") not in self._arns:
            raise errors.UnknownTopic
        self._check_time(envelope)
        self._check_signature(envelope)
        if envelope["Type"] == NOTIFICATION:
            return str(envelope["Message"])
        if envelope["Type"] == CONFIRMATION:
            self._confirm(envelope)
        else:
            log.warning("an SNS topic was unsubscribed: its events come no more", extra={"topic": envelope["TopicArn"]})
        return None

    def _check_time(self, envelope: Envelope) -> None:
        """A message that was recorded on its way cannot be sent again much later. The host's clock is good enough for that."""
        try:
            age = self._now() - datetime.fromisoformat(str(envelope.get("Timestamp")))
        except (TypeError, ValueError) as exc:  # TypeError: a time without its zone
            raise errors.InvalidSnsSignature from exc
        if not -FUTURE <= age <= OLDEST:
            raise errors.StaleSnsMessage

    def _check_signature(self, envelope: Envelope) -> None:
        digest = HASHES.get(str(envelope.get("SignatureVersion")))
        url = envelope.get("SigningCertURL")
        if digest is None or not isinstance(url, str) or not is_certificate_url(url):
            raise errors.InvalidSnsSignature
        try:
            text, signature = canonical(envelope), base64.b64decode(envelope["Signature"], validate=True)
            pkcs1_15.new(self._key(url)).verify(digest.new(text), signature)
        except (KeyError, IndexError, TypeError, ValueError) as exc:  # pycryptodome's IndexError: a certificate that breaks off
            raise errors.InvalidSnsSignature from exc

    def _key(self, url: str) -> RSA.RsaKey:
        """The public key of a certificate; a rotated one has another address.

        Raises: SnsUnavailable; ValueError where there is no such certificate.
        """
        now = self._now()
        with self._lock:
            known = self._keys.get(url)
        if known and now - known[0] < KEPT:
            return known[1]
        key = RSA.import_key(self._fetch(url))
        with self._lock:
            self._keys[url] = (now, key)
            while len(self._keys) > CERTIFICATES:
                self._keys.popitem(last=False)
        return key

    def _fetch(self, url: str) -> bytes:
        answer = self._ask(url)
        if 400 <= answer.status < 500 and answer.status not in {408, 429}:
            raise ValueError(f"there is no certificate at {url}")
        if answer.status != 200:
            raise errors.SnsUnavailable
        return answer.body

    def _confirm(self, envelope: Envelope) -> None:
        """The address is signed, but a signature is no reason to call anybody but AWS."""
        url = envelope["SubscribeURL"]
        if not is_sns_url(url):
            raise errors.InvalidSnsSignature
        if self._ask(url).status != 200:
            raise errors.SnsUnavailable
        log.info("confirmed the subscription of an SNS topic", extra={"topic": envelope["TopicArn"]})

    def _ask(self, url: str) -> Answer:
        try:
            return self._get(url)
        except Unreachable as exc:
            raise errors.SnsUnavailable from exc


def canonical(envelope: Envelope) -> bytes:
    """What AWS signs: each name and value on a line of its own, in the alphabet's order.

    Raises: KeyError, TypeError or ValueError where a member is missing or is no text.
    """
    names = [name for name in SIGNED[envelope["Type"]] if name != OPTIONAL or envelope.get(OPTIONAL) is not None]
    return "".join(f"{name}\n{_text(envelope[name])}\n" for name in names).encode("utf-8")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a signed member is no text")
    return value


def is_sns_url(url: str) -> bool:
    """https, a host of SNS, no port, no user: nothing that two readers of an address might read differently."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and HOST.match(parts.netloc) is not None and url.startswith(f"https://{parts.netloc}/")


def is_certificate_url(url: str) -> bool:
    """Such an address of a certificate and of nothing else: no query, no folder."""
    return is_sns_url(url) and CERTIFICATE.match(url.removeprefix(f"https://{urlsplit(url).netloc}")) is not None
