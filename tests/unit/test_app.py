"""The app as API Gateway calls it, without a host."""

from __future__ import annotations

from typing import Any

import pytest
from chalice.app import Response
from docusnap.api.app import App, Call
from docusnap.bootstrap import Parts


def _event(path: str) -> dict[str, Any]:
    context = {"httpMethod": "POST", "resourcePath": "/v1/documents", "requestId": "r1", "identity": {}, "path": path}
    empty: dict[str, Any] = {"multiValueQueryStringParameters": None, "pathParameters": None, "stageVariables": None, "body": None}
    return {"httpMethod": "POST", "path": "/v1/documents", "headers": {}, "requestContext": context, "isBase64Encoded": False, **empty}


@pytest.mark.parametrize(
    ("path", "link"),
    [("/prod/v1/documents", "/prod/v1/documents/7"), ("/v1/documents", "/v1/documents/7"), ("/ocr/v1/documents", "/ocr/v1/documents/7")],
    ids=["stage", "domain", "base path"],
)
def test_a_link_begins_with_what_the_gateway_put_before_the_path(path: str, link: str) -> None:
    app = App("test", lambda: Parts({}))

    @app.call(["POST"], "/v1/documents", scope=None)
    def create(_: Call) -> Response:
        return Response("", {"Location": "/v1/documents/7"}, 201)

    assert app(_event(path), None)["headers"]["Location"] == link
