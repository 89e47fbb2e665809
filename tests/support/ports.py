"""Ports for servers that cannot be handed a listening socket."""

from __future__ import annotations

import random
import socket

_given: set[int] = set()  # each once a process: whoever got one may not have bound it yet


def free_port() -> int:
    """A port of 127.0.0.1 that is free now, below the range from which the system gives ports to clients: none of theirs can take it."""
    for _ in range(100):
        port = random.randrange(20_000, 32_000)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            _given.add(port)
            return port
    raise AssertionError("no free port between 20000 and 32000")
