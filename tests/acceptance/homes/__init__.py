"""The homes that the one acceptance story runs in, chosen by DOCUSNAP_TEST_HOME."""

from __future__ import annotations

import importlib
import os
from contextlib import AbstractContextManager
from typing import cast

from tests.acceptance.homes.base import Home

HOMES = {
    "embedded": "embedded_home",  # docusnap up
    "containers": "containers_home",  # our images, MinIO's server, Debian's PostgreSQL, nginx
    "lambda": "lambda_home",  # ministack, AWS's runtime emulator, API Gateway's events
}


def opened() -> AbstractContextManager[Home]:
    """The chosen home, running; everything that it started has ended when it is left."""
    name = os.environ.get("DOCUSNAP_TEST_HOME", "embedded")
    assert name in HOMES, f"DOCUSNAP_TEST_HOME: {name!r} is not one of {', '.join(HOMES)}."
    module = importlib.import_module(f"tests.acceptance.homes.{HOMES[name]}")
    return cast("AbstractContextManager[Home]", module.opened())
