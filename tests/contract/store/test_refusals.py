"""What a store must refuse of what `S3Store` signs: nineteen attempts, each by somebody who holds a ticket or none.

`record_property` tells `tests/system/stores` what was measured; where a store is known to refuse less, that is asserted here too.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import requests
from docusnap import errors
from docusnap.adapters.s3 import S3Store
from docusnap.model import UploadTicket
from docusnap.settings import Settings

from tests.support.store import S3Gateway

SOON, SHORT = timedelta(minutes=5), timedelta(seconds=1)
BODY = b"twelve bytes"
KEY, OTHER = "uploads/a", "uploads/b"
LONGEST = 100  # bytes that the policy allows

Attempt = Callable[[Settings], int]


def _ticket(settings: Settings, expires_in: timedelta = SOON) -> UploadTicket:
    return S3Store(settings).presign_put(KEY, "image/png", len(BODY), expires_in)


def _put(ticket: UploadTicket, body: bytes = BODY, **headers: str) -> int:
    return requests.put(ticket.url, data=body, headers={**(ticket.headers or {}), **headers}, timeout=10).status_code


def _form(settings: Settings, expires_in: timedelta = SOON) -> UploadTicket:
    return S3Store(settings).presign_post(KEY, "image/png", (1, LONGEST), expires_in)


def _post(form: UploadTicket, body: bytes = BODY, **fields: str) -> int:
    return requests.post(form.url, data={**(form.fields or {}), **fields}, files={"file": body}, timeout=10).status_code


def a_put_whose_time_is_over(settings: Settings) -> int:
    ticket = _ticket(settings, SHORT)
    time.sleep(2.5)
    return _put(ticket)


def a_put_with_another_signature(settings: Settings) -> int:
    ticket = _ticket(settings)
    head, signature = ticket.url.split("X-Amz-Signature=")
    return _put(replace(ticket, url=f"{head}X-Amz-Signature={'1' if signature[0] == '0' else '0'}{signature[1:]}"))


def a_put_to_another_key(settings: Settings) -> int:
    ticket = _ticket(settings)
    return _put(replace(ticket, url=ticket.url.replace(KEY, OTHER)))


def a_put_that_gives_itself_more_time(settings: Settings) -> int:
    ticket = _ticket(settings)
    return _put(replace(ticket, url=ticket.url.replace("X-Amz-Expires=300", "X-Amz-Expires=30000")))


def a_put_of_another_type(settings: Settings) -> int:
    return _put(_ticket(settings), **{"Content-Type": "text/html"})


def a_put_of_another_length(settings: Settings) -> int:
    return _put(_ticket(settings), BODY + b"!")


def a_put_without_a_signature(settings: Settings) -> int:
    ticket = _ticket(settings)
    return _put(replace(ticket, url=ticket.url.partition("?")[0]))


def a_get_without_a_signature(settings: Settings) -> int:
    ticket = _ticket(settings)
    assert _put(ticket) == 200
    try:
        return requests.get(ticket.url.partition("?")[0], timeout=10).status_code
    finally:
        S3Store(settings).delete(KEY)


def a_call_with_another_secret(settings: Settings) -> int:
    return _called(replace(settings, aws_secret_access_key="wrong" * 8))


def a_call_with_an_unknown_key(settings: Settings) -> int:
    return _called(replace(settings, aws_access_key_id="nobodyskey", aws_secret_access_key="wrong" * 8))


def _called(settings: Settings) -> int:
    store = S3Store(settings)
    try:
        store._client.put_object(Bucket=store.bucket, Key=KEY, Body=BODY)
    except store._client.exceptions.ClientError as exc:
        return int(exc.response["ResponseMetadata"]["HTTPStatusCode"])
    return 200


def a_post_that_is_a_byte_too_long(settings: Settings) -> int:
    return _post(_form(settings), b"x" * (LONGEST + 1))


def a_post_that_is_far_too_long(settings: Settings) -> int:
    return _post(_form(settings), b"x" * 2_000_000)


def a_post_of_nothing(settings: Settings) -> int:
    return _post(_form(settings), b"")


def a_post_of_another_type(settings: Settings) -> int:
    return _post(_form(settings), **{"Content-Type": "text/html"})


def a_post_to_another_key(settings: Settings) -> int:
    return _post(_form(settings), key=OTHER)


def a_post_with_one_more_field(settings: Settings) -> int:
    return _post(_form(settings), **{"x-amz-meta-added": "1"})


def a_post_with_another_policy(settings: Settings) -> int:
    form = _form(settings)
    policy: dict[str, Any] = json.loads(base64.b64decode((form.fields or {})["policy"]))
    policy["conditions"] = [["content-length-range", 1, 10**9] if "content-length-range" in rule else rule for rule in policy["conditions"]]
    return _post(form, b"x" * (LONGEST + 1), policy=base64.b64encode(json.dumps(policy).encode()).decode())


def a_post_whose_time_is_over(settings: Settings) -> int:
    form = _form(settings, SHORT)
    time.sleep(2.5)
    return _post(form)


def a_post_without_a_signature(settings: Settings) -> int:
    return _post(replace(_form(settings), fields={"key": KEY, "Content-Type": "image/png"}))


PUTS: list[Attempt] = [
    a_put_whose_time_is_over,
    a_put_with_another_signature,
    a_put_to_another_key,
    a_put_that_gives_itself_more_time,
    a_put_of_another_type,
    a_put_of_another_length,
    a_put_without_a_signature,
    a_get_without_a_signature,
    a_call_with_another_secret,
    a_call_with_an_unknown_key,
]
POSTS: list[Attempt] = [
    a_post_that_is_a_byte_too_long,
    a_post_that_is_far_too_long,
    a_post_of_nothing,
    a_post_of_another_type,
    a_post_to_another_key,
    a_post_with_one_more_field,
    a_post_with_another_policy,
    a_post_whose_time_is_over,
    a_post_without_a_signature,
]
# Measured; a store that begins to refuse one of these makes its test fail, so that the table in docs/stores.md is put right.
ACCEPTED: dict[str, set[Attempt]] = {"ministack": {a_call_with_another_secret}}


@pytest.mark.parametrize("attempt", [*PUTS, *POSTS])
def test_it_is_refused(store_settings: Settings, s3_gateway: S3Gateway, attempt: Attempt, record_property: Callable[..., None]) -> None:
    status = attempt(store_settings)
    refused = status in {400, 403}
    record_property("refused", "yes" if refused else "no")
    if attempt in ACCEPTED.get(s3_gateway.name, ()):
        assert status == 200
    else:
        assert refused, status
        assert S3Store(store_settings).list("", None, 10) == []


def test_a_ticket_that_is_not_misused_is_good(store_settings: Settings) -> None:
    """Else all of the above would be refused for another reason."""
    assert _put(_ticket(store_settings)) == 200
    S3Store(store_settings).delete(KEY)
    assert _post(_form(store_settings)) == 204


def test_a_put_that_might_overwrite_is_refused(store_settings: Settings) -> None:
    assert requests.put(_ticket(store_settings).url, data=BODY, headers={"Content-Type": "image/png"}, timeout=10).status_code in {400, 403}


def test_our_own_calls_say_that_they_are_refused(store_settings: Settings, s3_gateway: S3Gateway) -> None:
    stranger = S3Store(replace(store_settings, aws_secret_access_key="wrong" * 8))
    if a_call_with_another_secret in ACCEPTED.get(s3_gateway.name, ()):
        stranger = S3Store(replace(store_settings, aws_access_key_id="nobodyskey"))
    with pytest.raises(errors.StoreDenied):
        stranger.head(KEY)


WRITES_OVER = {"juicefs"}  # ignores If-None-Match


def test_a_second_put_to_the_same_url_is_refused_where_the_store_can(
    store_settings: Settings, s3_gateway: S3Gateway, record_property: Callable[..., None]
) -> None:
    ticket = _ticket(store_settings)
    assert _put(ticket) == 200
    again = _put(ticket, BODY[::-1])
    record_property("write-once", str(again))
    assert again == (200 if s3_gateway.name in WRITES_OVER else 412)
