"""Which kind of store answers at an address, by its name and by how it answers a stranger."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import urllib3

from docusnap.adapters.s3 import AWS
from docusnap.errors import ConfigurationError, StoreUnavailable
from docusnap.provision.plan import Kind

_CEPH_REQUEST = re.compile(r"tx[0-9a-f]{20,}-")  # what Ceph calls a request


def kind_of(url: str) -> Kind:
    """Raises: StoreUnavailable where nothing answers, ConfigurationError where the answer is nobody's we know."""
    if AWS.search(urlsplit(url).hostname or ""):
        return Kind.AWS
    http = urllib3.PoolManager(timeout=urllib3.Timeout(5.0), retries=False)
    try:
        answer = http.request("GET", f"{url}/")
        health = http.request("GET", f"{url}/minio/health/live")
    except urllib3.exceptions.HTTPError as exc:
        raise StoreUnavailable(f"The store at {url} does not answer.") from exc
    server = answer.headers.get("Server", "")
    if server.startswith("Ceph") or _CEPH_REQUEST.match(answer.headers.get("x-amz-request-id", "")):
        return Kind.CEPH
    if server.startswith(("MinIO", "RustFS")) or health.status == 200:  # a proxy before the store may name itself instead
        return Kind.MINIO
    raise ConfigurationError(f"The store at {url} does not say which it is: give --kind minio, aws or ceph.")
