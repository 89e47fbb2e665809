"""What template.yaml says of a function, its routes and its queue."""

from __future__ import annotations

from functools import cache

from tests.support.deployments import FUNCTIONS, Json, sam_function, sam_routes
from tests.support.deployments import template as read

__all__ = ["FUNCTIONS", "Route", "gateway_responses", "mapping", "properties", "routes"]

Route = tuple[str, str, str]  # method, path, function
read_once = cache(read)


def properties(function: str) -> Json:
    return sam_function(read_once(), function)


def routes() -> list[Route]:
    """Every route of the REST API."""
    return [(route.method, route.path, route.function) for route in sam_routes(read_once())]


def gateway_responses() -> Json:
    """What API Gateway answers by itself."""
    found: Json = read_once()["Resources"]["ApiGatewayRestApi"]["Properties"]["GatewayResponses"]
    return found


def mapping() -> Json:
    """How the queue's messages come to `ocr`."""
    (event,) = (one for one in properties("ocr")["Events"].values() if one["Type"] == "SQS")
    found: Json = event["Properties"]
    return found
