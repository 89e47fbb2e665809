"""template.yaml and serverless.yml as plain values: CloudFormation's tags as functions, and what one file takes from the other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FUNCTIONS = ("upload", "query", "intake", "ocr", "sweep")
TAKEN = re.compile(r"\$\{file\(template\.yaml\):([A-Za-z0-9_.]+)\}")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Route:
    """A method of a path, and the function it calls."""

    path: str
    method: str  # in capitals; ANY for whatever is not named
    function: str


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms."""


def _tag(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Json:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    if suffix == "GetAtt":
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _tag)  # type: ignore[no-untyped-call]


def template() -> Json:
    return _load("template.yaml")


def serverless() -> Json:
    """serverless.yml with what it takes from template.yaml in its place, and its resources as one."""
    described = _taken(_load("serverless.yml"), template())
    resources: Json = {}
    for part in described["resources"]:
        _merge(resources, part)
    return {**described, "resources": resources}


def _load(name: str) -> Json:
    loaded: Json = yaml.load((ROOT / name).read_text("utf-8"), _Loader)  # noqa: S506  a SafeLoader
    return loaded


def _taken(value: Any, source: Json) -> Any:
    if isinstance(value, Mapping):
        return {key: _taken(item, source) for key, item in value.items()}
    if isinstance(value, list):
        return [_taken(item, source) for item in value]
    if isinstance(value, str) and (found := TAKEN.fullmatch(value)):
        taken: Any = source
        for step in found[1].split("."):
            taken = taken[step]
        return taken
    return value


def _merge(into: Json, more: Json) -> None:
    for key, value in more.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], dict(value))
        else:
            into[key] = dict(value) if isinstance(value, Mapping) else value


def sam_function(described: Json, name: str) -> Json:
    properties: Json = described["Resources"][f"{name.capitalize()}Function"]["Properties"]
    return properties


def sam_routes(described: Json) -> Iterator[Route]:
    for name in FUNCTIONS:
        for event in sam_function(described, name)["Events"].values():
            if event["Type"] == "Api":
                yield Route(event["Properties"]["Path"], event["Properties"]["Method"], name)


def sls_routes(described: Json) -> Iterator[Route]:
    for name, function in described["functions"].items():
        for event in function["events"]:
            if "http" in event:
                yield Route(event["http"]["path"], event["http"]["method"].upper(), name)


def allowed(role: Json) -> set[str]:
    """The actions a role allows by itself."""
    statements = [statement for policy in role["Properties"]["Policies"] for statement in policy["PolicyDocument"]["Statement"]]
    assert all(statement["Effect"] == "Allow" for statement in statements)
    return {action for statement in statements for action in statement["Action"]}
