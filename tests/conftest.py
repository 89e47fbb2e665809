"""Fixtures that several folders share: a real PostgreSQL and a real S3 store, started once a session."""

from tests.support.postgres import *  # noqa: F403
from tests.support.store import *  # noqa: F403
