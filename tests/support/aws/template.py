"""What template.yaml says of a function, its routes and its queue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import yaml

from tests.support.stores.store import ROOT

Route = tuple[str, str, str]  # method, path, function
FUNCTIONS = ("upload", "query", "intake", "ocr", "sweep")


class _Loader(yaml.SafeLoader):
    """YAML whose short intrinsic functions, such as !Ref, become `{"Ref": …}`."""


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {suffix: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {suffix: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _intrinsic)


@cache
def resources() -> Mapping[str, Any]:
    with (ROOT / "template.yaml").open("rb") as file:
        found: Mapping[str, Any] = yaml.load(file, _Loader)["Resources"]  # noqa: S506  it is a SafeLoader
    return found


def properties(function: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = resources()[f"{function.capitalize()}Function"]["Properties"]
    return found


def routes() -> list[Route]:
    """Every route of the REST API."""
    return [(event["Method"], event["Path"], name) for name in FUNCTIONS for event in _api_events(name)]


def _api_events(function: str) -> Iterator[Mapping[str, Any]]:
    for event in properties(function).get("Events", {}).values():
        if event["Type"] == "Api":
            yield event["Properties"]


def gateway_responses() -> Mapping[str, Any]:
    """What API Gateway answers by itself."""
    found: Mapping[str, Any] = resources()["ApiGatewayRestApi"]["Properties"]["GatewayResponses"]
    return found


def mapping() -> Mapping[str, Any]:
    """How the queue's messages come to `ocr`."""
    (event,) = (one for one in properties("ocr")["Events"].values() if one["Type"] == "SQS")
    found: Mapping[str, Any] = event["Properties"]
    return found
