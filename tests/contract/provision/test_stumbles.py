"""A store whose configuration cannot be read for a moment."""

from __future__ import annotations

import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler

import pytest
from docusnap.adapters.provision.minio import Provisioner
from docusnap.errors import StoreUnavailable
from docusnap.settings import Settings

from tests.contract.store import broken_stores

EMPTY = b'<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>'


class Stumbles:
    """Answers as JuiceFS does while another process writes the bucket's configuration: 500, so many times."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self, request: BaseHTTPRequestHandler, over: threading.Event) -> None:
        self.left -= 1
        request.send_response(500 if self.left >= 0 else 200)
        request.send_header("Content-Length", str(len(EMPTY)))
        request.end_headers()
        request.wfile.write(EMPTY)


def test_a_store_that_stumbles_is_asked_again(offline_settings: Settings) -> None:
    with broken_stores.serving(Stumbles(2)) as url:
        assert Provisioner(replace(offline_settings, s3_endpoint_url=url)).notification() == {}


def test_a_store_that_does_not_stop_stumbling_is_unavailable(offline_settings: Settings) -> None:
    with broken_stores.serving(Stumbles(1000)) as url, pytest.raises(StoreUnavailable):
        Provisioner(replace(offline_settings, s3_endpoint_url=url)).notification()
