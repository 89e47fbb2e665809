"""A request that boto3 signs and its connections carry, without all else that boto3 does around a call: half of the CPU time.

What is asked for every document goes this way, where all goes well. Any other answer is boto3's to hear again, who knows what it means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.exceptions import ConnectionError as NotConnected
from botocore.exceptions import ConnectTimeoutError, HTTPClientError, ReadTimeoutError

SECONDS = 60  # that the signature lasts


@dataclass(frozen=True, slots=True)
class Call:
    """One of S3's."""

    method: str  # as boto3 names it
    hook: str
    verb: str
    clear: frozenset[int]  # statuses that leave nothing to explain

    @property
    def streams(self) -> bool:
        return self.verb == "GET"


HEAD = Call("head_object", "before-send.s3.HeadObject", "HEAD", frozenset({200, 404}))
GET = Call("get_object", "before-send.s3.GetObject", "GET", frozenset({200}))


def ask(client: Any, call: Call, params: Mapping[str, str], headers: Mapping[str, str] | None = None) -> AWSResponse | None:
    """The answer, the body of a GET still to be read from its `raw`; None where boto3 should be asked.

    `headers`: those that `params` made part of the signature. Raises: time-outs and missing credentials as botocore does.
    """
    url = client.generate_presigned_url(call.method, Params=params, ExpiresIn=SECONDS)
    request = AWSRequest(call.verb, url, dict(headers or {}), stream_output=call.streams).prepare()
    try:
        answer = _sent(client, call.hook, request)
    except (ConnectTimeoutError, ReadTimeoutError):
        raise  # a store that hangs is not asked again
    except (HTTPClientError, NotConnected):
        return None  # often a connection that was kept too long
    if answer.status_code in call.clear:
        return answer
    answer.raw.close()
    return None


def _sent(client: Any, hook: str, request: Any) -> AWSResponse:
    """Who hooks into boto3's sending is asked first, as boto3 does."""
    hooked = client.meta.events.emit_until_response(hook, request=request)[1]
    return hooked or client._endpoint.http_session.send(request)  # noqa: SLF001  its connections, trust and proxies
