"""The `ocr` function: a wake, or SQS messages that bring bucket notifications, which are intake and wake in one."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from docusnap import errors, notification
from docusnap.api.app import ContextClock
from docusnap.bootstrap import Parts
from docusnap.intake import Intake
from docusnap.ports import Clock

log = logging.getLogger(__name__)

LAST_SECONDS = 65.0  # with less than this left on Lambda nothing is begun: a page may take its 60 s
STOP_SECONDS = 5.0  # with less than this left what is under way is handed over: a slow fetch before it, a turn, a busy machine

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LambdaClock:
    """A Lambda call's time, less what a page that has begun may still take."""

    context: Any

    def remaining(self) -> float:
        return max(0.0, float(self.context.get_remaining_time_in_millis()) / 1000 - LAST_SECONDS)

    def stopping(self) -> bool:
        """Lambda ends what runs over its time without a word, which would cost the lease."""
        return float(self.context.get_remaining_time_in_millis()) / 1000 < STOP_SECONDS


class _Awake:
    """The waker of a call that works anyway."""

    def wake(self, count: int = 1) -> None:
        """Nothing to wake."""


def create_handler(parts: Callable[[], Parts]) -> Callable[[Any, Any], dict[str, Any]]:
    """`handler(event, context)`: queue what the messages name, then work until nothing is due or the time is up."""

    @cache
    def intake() -> Intake:
        return Intake(ledger=parts().ledger, store=parts().store, waker=_Awake())

    def handler(event: Any, context: Any) -> dict[str, Any]:
        messages, clock = _messages(event), clock_of(context)
        if isinstance(clock, LambdaClock) and clock.remaining() <= 0:
            log.error("the function's time-out is too short: nothing is begun with less than 65 s left, and 120 s are what it needs")
        failed = [message["messageId"] for message in messages if not _received(intake, message)]
        try:
            done = parts().worker.run(clock)
        except errors.Unavailable as exc:
            if not messages:
                raise
            log.warning("the ledger could not be worked on; all messages come again", extra={"code": exc.code})
            return _answer(0, [message["messageId"] for message in messages])
        if isinstance(clock, LambdaClock) and clock.stopping():
            parts().waker.wake()  # what was handed over is due at once, and this call sends no other
        return _answer(done["handled"], failed) if messages else done

    return handler


def clock_of(context: Any) -> Clock:
    """The clock of a call: the HTTP hosts' contexts tell when to stop, Lambda's only how long it lets a call run."""
    if hasattr(context, "stopping") or not hasattr(context, "get_remaining_time_in_millis"):
        return ContextClock(context)
    return LambdaClock(context)


def _messages(event: Any) -> Sequence[Event]:
    records = event.get("Records") if isinstance(event, Mapping) else None
    return [record for record in records or () if isinstance(record, Mapping) and record.get("eventSource") == "aws:sqs"]


def _received(intake: Callable[[], Intake], message: Event) -> bool:
    """False where the message must come again: the ledger or the store is away, or (until its queue gives it up) nobody understands it."""
    try:
        body = json.loads(message["body"])
        if body != {}:  # which is a wake
            intake().receive(notification.parse(body))
    except (errors.Unavailable, errors.StoreDenied, errors.NotificationUnparsable, ValueError, KeyError, RecursionError) as exc:
        log.warning("a message could not be taken", extra={"message_id": message.get("messageId"), "reason": repr(exc)})
        return False
    return True


def _answer(handled: int, failed: Sequence[str]) -> dict[str, Any]:
    return {"handled": handled, "batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}
