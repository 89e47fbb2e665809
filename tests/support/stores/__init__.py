"""Real S3 servers for the system tests, each started on free ports of 127.0.0.1 with all of its data under a folder of the caller's."""

from tests.support.stores.ceph import running_ceph
from tests.support.stores.minio import running_minio
from tests.support.stores.ministack import running_ministack
from tests.support.stores.store import Store

__all__ = ["Store", "running_ceph", "running_minio", "running_ministack"]
