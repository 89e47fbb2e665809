"""SAM and osls make the same system, and cfn-lint finds nothing wrong with it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.support.deployments import FUNCTIONS, ROOT, Json, Route
from tests.system_tests.aws_templates.conftest import LINT

# Of the templates that the tools write: osls repeats a dependency, leaves a parameter that is only SAM's and its condition; SAM replaces
# references to parameters by their values, after which nothing uses these.
OF_THE_TOOLS = ("W3005", "W2001", "W8001")
POLICY_BYTES = 20480  # of a function, all its permissions together
SAME = (
    "Description", "Runtime", "Architectures", "MemorySize", "Timeout", "ReservedConcurrentExecutions", "Environment", "Role", "Layers",
    "PackageType", "ImageConfig", "EphemeralStorage", "LoggingConfig", "TracingConfig", "VpcConfig",
)  # fmt: skip


def lint(path: Path, *ignored: str) -> str:
    command = [str(LINT / "cfn-lint"), *(f"--ignore-checks={check}" for check in ignored), "--", str(path)]
    run = subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, env={**os.environ, "AWS_DEFAULT_REGION": "eu-central-1"}
    )
    return run.stdout + run.stderr if run.returncode else ""


def resolved(value: Any, parameters: Json) -> Any:
    """References to parameters by their values, as numbers where they are; SAM has replaced some of them already."""
    if isinstance(value, Mapping):
        if set(value) == {"Ref"} and value["Ref"] in parameters:
            return resolved(parameters[value["Ref"]], parameters)
        return {key: resolved(item, parameters) for key, item in value.items()}
    if isinstance(value, list):
        return [resolved(item, parameters) for item in value]
    return int(value) if isinstance(value, str) and value.isdigit() else value


def of_type(template: Json, kind: str) -> dict[str, Json]:
    return {name: resource for name, resource in template["Resources"].items() if resource["Type"] == kind}


def functions(template: Json, ending: str, parameters: Json) -> dict[str, Json]:
    found = of_type(template, "AWS::Lambda::Function")
    return {
        name.removesuffix(ending).lower(): {member: resolved(resource["Properties"].get(member), parameters) for member in SAME}
        for name, resource in found.items()
    }


def sam_routes(template: Json) -> Iterator[Route]:
    [api] = of_type(template, "AWS::ApiGateway::RestApi").values()
    for path, methods in api["Properties"]["Body"]["paths"].items():
        for method, operation in methods.items():
            uri = json.dumps(operation["x-amazon-apigateway-integration"]["uri"])
            name = re.search(r"(\w+)Function\.Arn", uri)
            assert name is not None, uri
            yield Route(path, "ANY" if method == "x-amazon-apigateway-any-method" else method.upper(), name[1].lower())


def osls_routes(template: Json) -> Iterator[Route]:
    resources = template["Resources"]

    def path_of(resource: Json) -> str:
        if "Ref" not in resource:
            return ""
        properties = resources[resource["Ref"]]["Properties"]
        return f"{path_of(properties['ParentId'])}/{properties['PathPart']}"

    for method in of_type(template, "AWS::ApiGateway::Method").values():
        name = re.search(r'"(\w+)LambdaFunction", "Arn"', json.dumps(method["Properties"]["Integration"]["Uri"]))
        assert name is not None
        yield Route(path_of(method["Properties"]["ResourceId"]) or "/", method["Properties"]["HttpMethod"], name[1].lower())


def test_cfn_lint_finds_nothing_in_the_template() -> None:
    assert lint(ROOT / "template.yaml") == ""


def test_cfn_lint_finds_nothing_in_what_sam_makes_of_it(translated_file: Path) -> None:
    assert lint(translated_file, *OF_THE_TOOLS) == ""


def test_cfn_lint_finds_nothing_in_what_osls_packages(packaged_file: Path) -> None:
    assert lint(packaged_file, *OF_THE_TOOLS) == ""


def test_cfn_lint_does_find_what_is_wrong(translated: Json, tmp_path: Path) -> None:
    wrong = deepcopy(translated)
    wrong["Resources"]["OcrQueue"]["Properties"]["VisibilityTimeout"] = "long"
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps(wrong), "utf-8")
    assert "'long' is not of type 'integer'" in lint(broken, *OF_THE_TOOLS)


def test_both_make_the_same_functions(translated: Json, packaged: Json, parameters: Json) -> None:
    by_sam, by_osls = functions(translated, "Function", parameters), functions(packaged, "LambdaFunction", parameters)
    for properties in by_sam.values():  # SAM names the layer's version after its content
        properties["Layers"] = properties["Layers"] and [
            {"Ref": re.sub(r"[0-9a-f]{10}$", "", layer["Ref"])} for layer in properties["Layers"]
        ]
    assert set(by_sam) == set(FUNCTIONS)
    for name in FUNCTIONS:
        assert by_osls[name] == by_sam[name], name


def test_both_make_the_same_routes(translated: Json, packaged: Json) -> None:
    by_sam, by_osls = set(sam_routes(translated)), set(osls_routes(packaged))
    assert len(by_sam) > 40
    assert by_sam == by_osls


def test_both_make_the_same_roles_queues_and_bucket(translated: Json, packaged: Json, parameters: Json) -> None:
    kinds = ("IAM::Role", "SQS::Queue", "SQS::QueuePolicy", "S3::Bucket", "S3::BucketPolicy", "EC2::VPCEndpoint", "EC2::SecurityGroup",
             "Logs::LogGroup", "CloudWatch::Alarm")  # fmt: skip
    for kind in kinds:
        theirs = of_type(packaged, f"AWS::{kind}")
        theirs.pop("ServerlessDeploymentBucket", None)  # where osls puts its zips
        theirs.pop("ServerlessDeploymentBucketPolicy", None)
        ours = of_type(translated, f"AWS::{kind}")
        assert ours, kind
        assert resolved(theirs, parameters) == resolved(ours, parameters), kind


def test_both_wake_ocr_by_the_queue_alike(translated: Json, packaged: Json, parameters: Json) -> None:
    members = ("EventSourceArn", "BatchSize", "FunctionResponseTypes", "ScalingConfig")
    [sam], [osls] = (list(of_type(template, "AWS::Lambda::EventSourceMapping").values()) for template in (translated, packaged))
    assert [resolved(osls["Properties"][m], parameters) for m in members] == [resolved(sam["Properties"][m], parameters) for m in members]


def test_both_run_sweep_by_the_same_schedule(translated: Json, packaged: Json) -> None:
    [sam], [osls] = (list(of_type(template, "AWS::Events::Rule").values()) for template in (translated, packaged))
    assert sam["Properties"]["ScheduleExpression"] == osls["Properties"]["ScheduleExpression"] == "rate(1 minute)"
    [sam], [osls] = (list(of_type(template, "AWS::Lambda::EventInvokeConfig").values()) for template in (translated, packaged))
    for member in ("MaximumRetryAttempts", "MaximumEventAgeInSeconds"):
        assert sam["Properties"][member] == osls["Properties"][member]


def test_both_let_api_gateway_say_the_same(translated: Json, packaged: Json) -> None:
    [api] = of_type(translated, "AWS::ApiGateway::RestApi").values()
    by_sam = api["Properties"]["Body"]["x-amazon-apigateway-gateway-responses"]
    by_osls = {}
    for response in of_type(packaged, "AWS::ApiGateway::GatewayResponse").values():
        p = response["Properties"]
        by_osls[p["ResponseType"]] = {
            "statusCode": p["StatusCode"],
            "responseParameters": p["ResponseParameters"],
            "responseTemplates": p["ResponseTemplates"],
        }
    assert by_sam == by_osls


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_permissions_of_a_function_fit_into_its_policy(translated: Json, name: str) -> None:
    function = f"{name.capitalize()}Function"
    granted = {key: p["Properties"] for key, p in of_type(translated, "AWS::Lambda::Permission").items()}
    size = sum(
        len(json.dumps(p)) + len(f"docusnap-{key}-ABCDEFGHIJKL") + 250  # what Lambda writes around it: names, ARNs, the operator
        for key, p in granted.items()
        if p["FunctionName"] == {"Ref": function}
    )
    assert size < POLICY_BYTES


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "ocr"])
def test_osls_packs_a_function_and_nothing_else(packaged_folder: Path, name: str) -> None:
    with zipfile.ZipFile(packaged_folder / f"{name}.zip") as archive:
        files = set(archive.namelist())
    assert f"functions/{name}/app.py" in files
    assert {Path(file).parent.as_posix() for file in files} <= {f"functions/{name}"}
