"""Requests that boto3's connections carry, signed by its signer, without all else that boto3 does around a call: most of the CPU time.

What is asked for every document goes this way, where all goes well. Any other answer is boto3's to hear again, who knows what it means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, quote

from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.exceptions import ConnectionError as NotConnected
from botocore.exceptions import ConnectTimeoutError, HTTPClientError, ReadTimeoutError

SECONDS = 60  # that the signature lasts


@dataclass(frozen=True, slots=True)
class Call:
    """One of S3's."""

    hook: str  # boto3's name for who may answer in the store's place
    verb: str
    clear: frozenset[int]  # statuses that leave nothing to explain

    @property
    def streams(self) -> bool:
        return self.verb == "GET"


HEAD = Call("before-send.s3.HeadObject", "HEAD", frozenset({200, 404}))
GET = Call("before-send.s3.GetObject", "GET", frozenset({200}))


class Requests:
    """For the objects of one bucket. Safe under threads, as the client is."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client, self._bucket = client, bucket

    def ask(self, call: Call, key: str, headers: Mapping[str, str] | None = None) -> AWSResponse | None:
        """The answer, the body of a GET still to be read from its `raw`; None where boto3 should be asked.

        Raises: time-outs and missing credentials as botocore does.
        """
        request = self._signed(call, key, headers or {})
        try:
            answer = self._sent(call.hook, request)
        except (ConnectTimeoutError, ReadTimeoutError):
            raise  # a store that hangs is not asked again
        except (HTTPClientError, NotConnected):
            return None  # often a connection that was kept too long
        if answer.status_code in call.clear:
            return answer
        answer.raw.close()
        return None

    def _signed(self, call: Call, key: str, headers: Mapping[str, str]) -> Any:
        address, region, service = self._place
        request = AWSRequest(call.verb, address + quote(key, safe="/~"), dict(headers), stream_output=call.streams)
        signer = self._client._request_signer  # noqa: SLF001  its credentials, which may be renewed
        signer.get_auth_instance(service, region, "s3v4-query", expires=SECONDS).add_auth(request)
        return request.prepare()

    @cached_property
    def _place(self) -> tuple[str, str, str]:
        """What the addresses of the objects begin with, and the region and service that requests are signed for: as boto3 has them."""
        url = self._client.generate_presigned_url("head_object", Params={"Bucket": self._bucket, "Key": "k"}, ExpiresIn=SECONDS)
        address, _, query = url.partition("?")
        *_, region, service, _ = parse_qs(query)["X-Amz-Credential"][0].split("/")
        return address.removesuffix("k"), region, service

    def _sent(self, hook: str, request: Any) -> AWSResponse:
        """Who hooks into boto3's sending is asked first, as boto3 does."""
        hooked = self._client.meta.events.emit_until_response(hook, request=request)[1]
        return hooked or self._client._endpoint.http_session.send(request)  # noqa: SLF001  its connections, trust and proxies
