"""What a browser on another origin may do, as the operator set it with CORS_ORIGINS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

ANY = "*"
REQUEST_HEADERS = "Authorization, Content-Type, Idempotency-Key, Accept, X-Request-Id"
EXPOSED = "Location, Retry-After, Allow, WWW-Authenticate, X-Request-Id"


def headers(allowed: Sequence[str], origin: str | None) -> Mapping[str, str]:
    """For every answer. Caches must tell origins apart wherever the answer depends on them."""
    if ANY in allowed:
        return {"Access-Control-Allow-Origin": ANY, "Access-Control-Expose-Headers": EXPOSED}
    if not allowed:
        return {}
    if origin not in allowed:
        return {"Vary": "Origin"}
    return {"Vary": "Origin", "Access-Control-Allow-Origin": str(origin), "Access-Control-Expose-Headers": EXPOSED}


def preflight(methods: Sequence[str]) -> Mapping[str, str]:
    """For OPTIONS, beside `headers`; without an allowed origin a browser ignores it."""
    return {
        "Access-Control-Allow-Methods": ", ".join(methods),
        "Access-Control-Allow-Headers": REQUEST_HEADERS,
        "Access-Control-Max-Age": "600",
    }
