"""Wakes by SQS: on AWS a message in the queue of `ocr` starts one call of it."""

from __future__ import annotations

import logging
import re
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from docusnap.adapters.aws_session import new_session
from docusnap.settings import Settings

log = logging.getLogger(__name__)

AT_ONCE = 10  # messages that SQS takes in one call
REGION = re.compile(r"(?:^|\.)sqs(?:-fips)?\.(?P<region>[a-z0-9-]+)\.(?:vpce\.)?amazonaws\.com(?:\.cn)?(?::\d+)?$")
WAKE = "{}"  # it says nothing: the ledger does


class SqsWaker:
    """Sends to OCR_QUEUE_URL before it returns, since Lambda stops every thread with its answer; never raises."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._url = settings, settings.ocr_queue_url or ""

    def wake(self, count: int = 1) -> None:
        """Start so many calls soon."""
        for begin in range(0, count, AT_ONCE):
            entries = [{"Id": str(number), "MessageBody": WAKE} for number in range(begin, min(count, begin + AT_ONCE))]
            try:
                answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
            except (ClientError, BotoCoreError) as exc:
                log.warning("wakes were lost", extra={"reason": str(exc), "lost": len(entries)})
                continue
            if failed := answer.get("Failed"):
                log.warning("wakes were refused", extra={"reason": failed[0].get("Code"), "lost": len(failed)})

    @cached_property
    def _client(self) -> Any:
        """The queue's own host answers for it: AWS's, that of a VPC endpoint, or of another SQS."""
        parts = urlsplit(self._url)
        region = REGION.search(parts.netloc)
        settings = self._settings
        return new_session().client(
            "sqs",
            endpoint_url=f"{parts.scheme}://{parts.netloc}",
            region_name=region["region"] if region else settings.s3_region,
            aws_access_key_id=settings.aws_access_key_id,
            aws_secret_access_key=settings.aws_secret_access_key,
            aws_session_token=settings.aws_session_token,
            config=Config(connect_timeout=2, read_timeout=5, retries={"max_attempts": 2}),
        )
