"""A message between a parent and its child: two lengths, a JSON header, and raw bytes."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from typing import Any

Header = dict[str, Any]
Buffer = bytes | bytearray | memoryview

FRAME = struct.Struct("<IQ")  # bytes of the JSON header, bytes of the payload
MAX_HEADER = 64 << 20
MAX_PAYLOAD = 2 << 30  # a child that was taken over must not make its parent allocate without end


def head(header: Header, payload_bytes: int) -> bytes:
    """All of a message but its payload."""
    text = json.dumps(header).encode()
    return FRAME.pack(len(text), payload_bytes) + text


def read(take: Callable[[memoryview], int], most: int = MAX_PAYLOAD) -> tuple[Header, bytes]:
    """One message; `take` fills some of a view and says how much.

    Raises: EOFError where it ends before, ValueError where it is no message or its payload has more than `most` bytes.
    """
    head_bytes, payload_bytes = FRAME.unpack(_exactly(FRAME.size, take))
    if head_bytes > MAX_HEADER or payload_bytes > most:
        raise ValueError("The frame is larger than any message.")
    header = json.loads(_exactly(head_bytes, take))
    if not isinstance(header, dict):
        raise ValueError("The header is no JSON object.")  # noqa: TRY004  the peer's fault, not a caller's
    return header, _exactly(payload_bytes, take)


def _exactly(count: int, take: Callable[[memoryview], int]) -> bytes:
    """So many bytes, without a copy: a BytesIO lets its own buffer be filled in place, and gives it away."""
    room = io.BytesIO(bytes(count))
    with room.getbuffer() as view:
        done = 0
        while done < count:
            got = take(view[done:])
            if not got:
                raise EOFError
            done += got
    return room.getvalue()
