"""A store and DocuSnap, as a test of `tests/system/stores` sees them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.api import Server, Tenant

ORIGIN = "https://app.example"  # whose browsers may upload
ARRIVES_SECONDS = 40.0


@dataclass(frozen=True, slots=True)
class Home:
    """A store that tells DocuSnap of its objects, and DocuSnap."""

    name: str
    bucket: str
    server: Server
    s3: Any
    deliver: Callable[[], None]  # what stands between store and DocuSnap, where that is not the store itself

    def await_documents(self, tenant: Tenant, accept: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """The tenant's documents once they are as they should be."""
        ends = time.monotonic() + ARRIVES_SECONDS
        while True:
            self.deliver()
            items: list[dict[str, Any]] = tenant.get("/v1/documents", params={"limit": 100}).json()["items"]
            if accept(items):
                return items
            assert time.monotonic() < ends, items
            time.sleep(0.1)
