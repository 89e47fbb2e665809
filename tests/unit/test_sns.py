"""Envelopes of SNS: what is signed passes, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from docusnap import errors
from docusnap.adapters.https import Answer
from docusnap.adapters.sns import SnsTopics, is_certificate_url, is_sns_url

from tests.support import sns
from tests.support.sns import CERTIFICATE, NEXT_CERTIFICATE, SUBSCRIBE, TOPIC, Aws, signer

MESSAGE = sns.about("scans", "incoming/%E7%99%BC%E7%A5%A8+1.png")
SIGNED = [(sns.notification(MESSAGE), name) for name in sns.NOTIFICATION_FIELDS] + [
    (sns.confirmation(), name) for name in sns.CONFIRMATION_FIELDS
]


@pytest.fixture
def aws() -> Aws:
    return Aws()


@pytest.fixture
def topics(aws: Aws) -> SnsTopics:
    return SnsTopics([TOPIC], get=aws.get)


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("change", [{}, {"Subject": None}], ids=["with a subject", "without"])
def test_a_genuine_notification_gives_its_message(topics: SnsTopics, version: str, change: dict[str, Any]) -> None:
    envelope = {name: value for name, value in {**sns.notification(MESSAGE), **change}.items() if value is not None}
    assert topics.open(signer().sign(envelope, version)) == MESSAGE


def test_a_subject_that_is_null_counts_as_none(topics: SnsTopics) -> None:
    envelope = {name: value for name, value in sns.notification(MESSAGE).items() if name != "Subject"}
    assert topics.open({**signer().sign(envelope), "Subject": None}) == MESSAGE


@pytest.mark.parametrize(("envelope", "name"), SIGNED, ids=lambda value: value if isinstance(value, str) else value["Type"])
def test_no_signed_member_can_be_changed(topics: SnsTopics, envelope: dict[str, Any], name: str) -> None:
    other = {
        "TopicArn": TOPIC + "-2",
        "Type": "UnsubscribeConfirmation" if envelope["Type"] != "Notification" else "SubscriptionConfirmation",
        "Timestamp": sns.stamp(datetime.now(UTC) + timedelta(seconds=7)),
    }
    signed = signer().sign(envelope)
    both = SnsTopics([TOPIC, TOPIC + "-2"], get=Aws().get)
    with pytest.raises(errors.InvalidSnsSignature):
        both.open({**signed, name: other.get(name, signed[name] + "!")})


@pytest.mark.parametrize(("envelope", "name"), [pair for pair in SIGNED if pair[1] not in {"TopicArn", "Type", "Subject"}])
@pytest.mark.parametrize("value", [None, 7, ["x"]])
def test_a_signed_member_that_is_missing_or_no_text_is_refused(topics: SnsTopics, envelope: dict[str, Any], name: str, value: Any) -> None:
    signed = signer().sign(envelope)
    with pytest.raises(errors.InvalidSnsSignature):
        topics.open({**signed, name: value})
    del signed[name]
    with pytest.raises(errors.InvalidSnsSignature):
        topics.open(signed)


def test_a_subject_cannot_be_added(topics: SnsTopics) -> None:
    envelope = {name: value for name, value in sns.notification(MESSAGE).items() if name != "Subject"}
    with pytest.raises(errors.InvalidSnsSignature):
        topics.open({**signer().sign(envelope), "Subject": "added"})


def test_two_members_cannot_be_shifted_into_each_other(topics: SnsTopics) -> None:
    signed = signer().sign(sns.notification("a\nMessageId\nb"))
    with pytest.raises(errors.InvalidSnsSignature):
        topics.open({**signed, "Message": "a", "MessageId": "b\nMessageId\n" + signed["MessageId"] + "!"})


@pytest.mark.parametrize(
    "change",
    [
        {"Signature": ""},
        {"Signature": "AAAA"},
        {"Signature": "not base64!"},
        {"Signature": "é"},
        {"Signature": None},
        {"Signature": 7},
        {"SignatureVersion": "3"},
        {"SignatureVersion": None},
        {"SignatureVersion": "1"},  # SHA1 where SHA256 was signed
        {"SigningCertURL": None},
        {"SigningCertURL": 7},
        {"Message": "\ud800"},
    ],
    ids=str,
)
def test_what_is_not_signed_as_sns_signs_is_refused(topics: SnsTopics, change: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidSnsSignature):
        topics.open({**signer().sign(sns.notification(MESSAGE)), **change})


def test_another_key_than_awss_is_refused(topics: SnsTopics) -> None:
    with pytest.raises(errors.InvalidSnsSignature):
        topics.open(signer("a stranger's").sign(sns.notification(MESSAGE)))


ELSEWHERE = [
    "http://sns.us-east-1.amazonaws.com/a.pem",
    "HTTPS://sns.us-east-1.amazonaws.com/a.pem",
    "ftp://sns.us-east-1.amazonaws.com/a.pem",
    "https://sns.us-east-1.amazonaws.com.evil.test/a.pem",
    "https://sns.us-east-1.amazonaws.com.cn.evil.test/a.pem",
    "https://evil.test/sns.us-east-1.amazonaws.com/a.pem",
    "https://sns.us-east-1.amazonaws.com@evil.test/a.pem",
    "https://evil.test@sns.us-east-1.amazonaws.com/a.pem",
    "https://user:password@sns.us-east-1.amazonaws.com/a.pem",
    "https://sns.us-east-1.amazonaws.com:443/a.pem",
    "https://sns.us-east-1.amazonaws.com:8443/a.pem",
    "https://sns.us-east-1.amazonaws.com\\@evil.test/a.pem",
    "https://evil.test\\.sns.us-east-1.amazonaws.com/a.pem",
    "https://evil.test#.sns.us-east-1.amazonaws.com/a.pem",
    "https://evil.test?sns.us-east-1.amazonaws.com/a.pem",
    "https://xsns.us-east-1.amazonaws.com/a.pem",
    "https://sns.us-east-1xamazonaws.com/a.pem",
    "https://sns.a.b.amazonaws.com/a.pem",
    "https://sns.us-east-1.amazonaws.com./a.pem",
    "https://bucket.s3.us-east-1.amazonaws.com/a.pem",
    "https://sns..amazonaws.com/a.pem",
    "https://SNS.us-east-1.amazonaws.com/a.pem",
    "https://sns.us-east-1.amazonaws.com\n/a.pem",
    "https://sns.us-east-1.amazonaws.com\t.evil.test/a.pem",
    " https://sns.us-east-1.amazonaws.com/a.pem",
    "https://sns.us-eａst-1.amazonaws.com/a.pem",
    "https:sns.us-east-1.amazonaws.com/a.pem",
    "https:///sns.us-east-1.amazonaws.com/a.pem",
    "https://[sns.us-east-1.amazonaws.com/a.pem",
    "//sns.us-east-1.amazonaws.com/a.pem",
    "",
]
NO_CERTIFICATE = [
    "https://sns.us-east-1.amazonaws.com/a.pem?x=.pem",
    "https://sns.us-east-1.amazonaws.com/?Action=GetEndpointAttributes&x=.pem",
    "https://sns.us-east-1.amazonaws.com/a.pem#.pem",
    "https://sns.us-east-1.amazonaws.com/a.pem\n",
    "https://sns.us-east-1.amazonaws.com/../a.pem",
    "https://sns.us-east-1.amazonaws.com/a/b.pem",
    "https://sns.us-east-1.amazonaws.com/a%2f.pem",
    "https://sns.us-east-1.amazonaws.com/a.pem/",
    "https://sns.us-east-1.amazonaws.com/a.txt",
    "https://sns.us-east-1.amazonaws.com/.pem",
    "https://sns.us-east-1.amazonaws.com",
]


@pytest.mark.parametrize("url", [*ELSEWHERE, *NO_CERTIFICATE], ids=ascii)
def test_a_certificate_comes_from_nowhere_but_aws(topics: SnsTopics, aws: Aws, url: str) -> None:
    aws.documents[url] = Answer(200, signer().certificate)
    with pytest.raises(errors.InvalidSnsSignature):
        topics.open(signer().sign(sns.notification(MESSAGE), url=url))
    assert aws.asked == []


@pytest.mark.parametrize("url", ELSEWHERE, ids=ascii)
def test_a_subscription_is_confirmed_nowhere_but_at_aws(topics: SnsTopics, aws: Aws, url: str) -> None:
    aws.documents[url] = Answer(200, b"")
    with pytest.raises(errors.InvalidSnsSignature):
        topics.open(signer().sign(sns.confirmation(SubscribeURL=url)))
    assert aws.asked == [CERTIFICATE]


@pytest.mark.parametrize("host", ["sns.eu-west-1.amazonaws.com", "sns.us-gov-west-1.amazonaws.com", "sns.cn-north-1.amazonaws.com.cn"])
def test_every_region_of_aws_is_aws(host: str) -> None:
    assert is_certificate_url(f"https://{host}/SimpleNotificationService-0a1b.pem")
    assert is_sns_url(f"https://{host}/?Action=ConfirmSubscription&Token=1")


def test_a_topic_that_is_not_listed_is_refused_before_anybody_is_asked(aws: Aws) -> None:
    signed = signer().sign(sns.notification(MESSAGE))
    for listed in ([], [TOPIC + "-2"], [TOPIC[:-1]]):
        with pytest.raises(errors.UnknownTopic):
            SnsTopics(listed, get=aws.get).open(signed)
    assert aws.asked == []


@pytest.mark.parametrize(("age", "passes"), [(0, True), (69, True), (71, False), (60 * 24, False), (-9, True), (-11, False)])
def test_a_message_that_was_recorded_cannot_be_sent_again_later(topics: SnsTopics, age: int, passes: bool) -> None:
    when = sns.stamp(datetime.now(UTC) - timedelta(minutes=age))
    signed = signer().sign(sns.notification(MESSAGE, Timestamp=when))
    if passes:
        assert topics.open(signed) == MESSAGE
    else:
        with pytest.raises(errors.StaleSnsMessage):
            topics.open(signed)


@pytest.mark.parametrize("when", ["", "yesterday", "2026-11-25T03:13:00.000", "9" * 400, "0001-01-01T00:00:00+14:00"])
def test_a_time_that_is_none_is_refused(topics: SnsTopics, when: str) -> None:
    with pytest.raises((errors.InvalidSnsSignature, errors.StaleSnsMessage)):
        topics.open(signer().sign(sns.notification(MESSAGE, Timestamp=when)))


def test_a_certificate_is_fetched_once_a_day(aws: Aws) -> None:
    clock = [datetime.now(UTC)]
    topics = SnsTopics([TOPIC], get=aws.get, now=lambda: clock[0])
    for hours, asked in ((0, 1), (23, 1), (2, 2)):
        clock[0] += timedelta(hours=hours)
        assert topics.open(signer().sign(sns.notification(MESSAGE, Timestamp=sns.stamp(clock[0])))) == MESSAGE
        assert len(aws.asked) == asked


def test_a_certificate_that_aws_rotates_is_taken_beside_the_old_one(topics: SnsTopics, aws: Aws) -> None:
    aws.documents[NEXT_CERTIFICATE] = Answer(200, signer("next").certificate)
    assert topics.open(signer().sign(sns.notification(MESSAGE))) == MESSAGE
    assert topics.open(signer("next").sign(sns.notification(MESSAGE), url=NEXT_CERTIFICATE)) == MESSAGE
    assert topics.open(signer().sign(sns.notification(MESSAGE))) == MESSAGE
    for other, url in ((signer("next"), CERTIFICATE), (signer(), NEXT_CERTIFICATE)):
        with pytest.raises(errors.InvalidSnsSignature):
            topics.open(other.sign(sns.notification(MESSAGE), url=url))
    assert aws.asked == [CERTIFICATE, NEXT_CERTIFICATE]


def test_the_cache_of_certificates_is_bounded(topics: SnsTopics, aws: Aws) -> None:
    for number in range(30):
        url = f"{sns.HOST}/SimpleNotificationService-{number}.pem"
        aws.documents[url] = Answer(200, signer().certificate)
        assert topics.open(signer().sign(sns.notification(MESSAGE), url=url)) == MESSAGE
    assert len(topics._keys) == 8


@pytest.mark.parametrize(
    "body", [b"", b"<html>", signer().certificate[:300], b"-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----"]
)
def test_a_certificate_that_is_none_is_refused(topics: SnsTopics, aws: Aws, body: bytes) -> None:
    aws.documents[CERTIFICATE] = Answer(200, body)
    with pytest.raises(errors.InvalidSnsSignature):
        topics.open(signer().sign(sns.notification(MESSAGE)))


def _goes_away(aws: Aws) -> None:
    aws.away = True


def _fails(aws: Aws) -> None:
    aws.documents[CERTIFICATE] = Answer(500, b"")


def _redirects(aws: Aws) -> None:
    aws.documents[CERTIFICATE] = Answer(302, b"")


def _is_busy(aws: Aws) -> None:
    aws.documents[CERTIFICATE] = Answer(429, b"")


@pytest.mark.parametrize("trouble", [_goes_away, _fails, _redirects, _is_busy])
def test_sns_is_asked_to_send_again_while_its_certificate_cannot_be_had(
    topics: SnsTopics, aws: Aws, trouble: Callable[[Aws], None]
) -> None:
    trouble(aws)
    with pytest.raises(errors.SnsUnavailable):
        topics.open(signer().sign(sns.notification(MESSAGE)))


def test_a_certificate_that_aws_does_not_know_is_no_certificate(topics: SnsTopics) -> None:
    with pytest.raises(errors.InvalidSnsSignature):
        topics.open(signer().sign(sns.notification(MESSAGE), url=NEXT_CERTIFICATE))


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_subscription_to_a_listed_topic_is_confirmed(topics: SnsTopics, aws: Aws, version: str) -> None:
    assert topics.open(signer().sign(sns.confirmation(), version)) is None
    assert aws.asked == [CERTIFICATE, SUBSCRIBE]


def test_a_subscription_without_a_signature_or_a_listed_topic_is_not_confirmed(topics: SnsTopics, aws: Aws) -> None:
    with pytest.raises(errors.InvalidSnsSignature):
        topics.open(signer("a stranger's").sign(sns.confirmation()))
    with pytest.raises(errors.UnknownTopic):
        topics.open(signer().sign(sns.confirmation(TopicArn=TOPIC + "-2")))
    assert SUBSCRIBE not in aws.asked


def test_a_subscription_that_aws_does_not_take_is_asked_again(topics: SnsTopics, aws: Aws) -> None:
    aws.documents[SUBSCRIBE] = Answer(500, b"")
    with pytest.raises(errors.SnsUnavailable):
        topics.open(signer().sign(sns.confirmation()))


def test_the_end_of_a_subscription_is_not_undone(topics: SnsTopics, aws: Aws) -> None:
    assert topics.open(signer().sign(sns.confirmation("UnsubscribeConfirmation"))) is None
    assert aws.asked == [CERTIFICATE]
