"""template.yaml, serverless.yml, the apps' routes and the folders of functions/ describe one system."""

from __future__ import annotations

import importlib
import json
import re
from typing import Any

import pytest
from docusnap import errors, settings
from docusnap.api import openapi, problems
from docusnap.provision import plan

from tests.support import deployments
from tests.support.deployments import FUNCTIONS, ROOT, Json, Route

ZIPPED = ("upload", "query", "intake", "sweep")
APPS = ("upload", "query", "intake")
METRICS = "/metrics"  # the HTTP hosts' own: on AWS CloudWatch counts, and the path is an unrouted one

LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
ALLOWED = {  # the design's table "Functions": what each may touch
    "upload": LOGS | {"s3:PutObject", "sqs:SendMessage"},
    "query": LOGS | {"s3:GetObject", "s3:ListBucket"},
    "intake": LOGS | {"s3:GetObject", "s3:ListBucket", "sqs:SendMessage"},
    "ocr": LOGS | {"s3:GetObject", "s3:ListBucket", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:SendMessage"},
    "sweep": LOGS
    | {"s3:ListBucket", "s3:ListBucketVersions", "s3:GetObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "sqs:SendMessage"},
}
SECONDS = {"upload": 10, "query": 29, "intake": 29, "ocr": 120, "sweep": 60}
MEGABYTES = {"upload": 1024, "query": 1024, "intake": 1024, "ocr": 3008, "sweep": 1024}
ANSWERS = {  # what API Gateway says by itself
    "MISSING_AUTHENTICATION_TOKEN": errors.NotFound,
    "RESOURCE_NOT_FOUND": errors.NotFound,
    "INVALID_SIGNATURE": errors.NotFound,
    "REQUEST_TOO_LARGE": errors.BodyTooLarge,
    "THROTTLED": errors.AtCapacity,
    "INTEGRATION_TIMEOUT": errors.Unavailable,
    "INTEGRATION_FAILURE": errors.Unavailable,
    "DEFAULT_4XX": errors.MalformedRequest,
    "DEFAULT_5XX": errors.DocuSnapError,
}
SAM = deployments.template()
SLS = deployments.serverless()


def app(name: str) -> Any:
    return importlib.import_module(f"functions.{name}.app").app


def of_the_apps() -> set[Route]:
    """Each route of each app but those that its function's ANY of the same path brings, and what catches a path that nobody has."""
    named = {Route(path, method, name) for name in APPS for path, methods in app(name).routes.items() for method in methods}
    any_method = {Route(path, "ANY", "intake" if path.startswith("/events/") else "upload") for path in openapi.templates()}
    wrong_path = {Route("/", "ANY", "upload"), Route(openapi.UNROUTED, "ANY", "upload")}
    brought = {route for route in named if Route(route.path, "ANY", route.function) in any_method}
    return {route for route in (named - brought) | any_method | wrong_path if route.path != METRICS}


def call(route: Route, method: str) -> Json:
    """The app's answer to API Gateway's payload of a request by this route."""
    context = {"resourcePath": route.path, "httpMethod": method, "requestId": "r-1", "identity": {"sourceIp": "192.0.2.1"}}
    event = {"httpMethod": method, "headers": {}, "multiValueHeaders": {}, "multiValueQueryStringParameters": None, "pathParameters": {},
             "requestContext": context, "body": None, "isBase64Encoded": False, "stageVariables": None}  # fmt: skip
    answer: Json = app(route.function)(event, None)
    return answer


def test_both_describe_the_folders_of_functions() -> None:
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    in_template = {name for name, resource in SAM["Resources"].items() if resource["Type"] == "AWS::Serverless::Function"}
    assert in_template == {f"{name.capitalize()}Function" for name in folders}
    assert set(SLS["functions"]) == folders == set(FUNCTIONS)


def test_both_route_what_chalice_routes() -> None:
    in_template, in_serverless = list(deployments.sam_routes(SAM)), list(deployments.sls_routes(SLS))
    assert len(set(in_template)) == len(in_template)
    assert len(set(in_serverless)) == len(in_serverless)
    assert set(in_template) == set(in_serverless) == of_the_apps()


@pytest.mark.parametrize("route", sorted((r for r in of_the_apps() if r.method == "ANY"), key=str), ids=str)
def test_what_no_route_takes_is_answered_by_a_problem_document_of_ours(route: Route) -> None:
    answer = call(route, "PATCH")
    problem = json.loads(answer["body"])
    expected = ("method_not_allowed", 405) if route.path in openapi.templates() else ("not_found", 404)
    assert (problem["code"], answer["statusCode"]) == expected


@pytest.mark.parametrize("name", ZIPPED)
def test_the_zip_functions_are_these_folders_on_the_layer(name: str) -> None:
    entry = "handler" if name == "sweep" else "app"
    sam, sls = deployments.sam_function(SAM, name), SLS["functions"][name]
    assert hasattr(importlib.import_module(f"functions.{name}.app"), entry)
    assert (sam["CodeUri"], sam["Handler"]) == (f"functions/{name}/", f"app.{entry}")
    assert (sls["package"]["patterns"], sls["handler"]) == ([f"functions/{name}/*.py"], f"functions/{name}/app.{entry}")
    assert sam["Layers"] == sls["layers"] == [{"Ref": "DocusnapLayer"}]
    assert sam["Runtime"] == SLS["provider"]["runtime"] == "python3.11"


def test_the_image_function_is_the_lambda_host() -> None:
    sam, sls = deployments.sam_function(SAM, "ocr"), SLS["functions"]["ocr"]
    assert sam["ImageConfig"]["Command"] == sls["image"]["command"] == ["docusnap.hosts.aws_lambda.handler"]
    assert sam["EphemeralStorage"]["Size"] == sls["ephemeralStorageSize"] == 1024
    assert sam["EphemeralStorage"]["Size"] * 2**20 > int(settings._VARIABLES["scratch_bytes"].default or 0)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_time_memory_and_concurrency_are_the_same(name: str) -> None:
    sam, sls = deployments.sam_function(SAM, name), SLS["functions"][name]
    assert sam["Timeout"] == sls["timeout"] == SECONDS[name]
    assert sam["MemorySize"] == sls["memorySize"] == MEGABYTES[name]
    assert sam["ReservedConcurrentExecutions"] == sls["reservedConcurrency"]
    assert sam["Description"] == sls["description"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_environment_holds_settings_of_the_function_and_nothing_of_lambdas_own(name: str) -> None:
    common = SAM["Globals"]["Function"]["Environment"]["Variables"]
    sam = {**common, **deployments.sam_function(SAM, name)["Environment"]["Variables"]}
    sls = {**SLS["provider"]["environment"], **SLS["functions"][name]["environment"]}
    listed = re.search(r"^\| settings \| (.+) \|$", (ROOT / "functions" / name / "README.md").read_text("utf-8"), re.MULTILINE)
    assert listed is not None
    assert sam == sls
    assert set(sam) <= {variable.upper() for variable in settings._VARIABLES}
    assert set(sam) <= set(re.findall(r"`([A-Z0-9_]+)`", listed[1])) | {"OCR_QUEUE_URL"}
    assert not [variable for variable in sam if variable.startswith("AWS_")], "Lambda reserves these"
    assert ("OCR_QUEUE_URL" in sam) == ("sqs:SendMessage" in ALLOWED[name])


def test_with_what_lambda_adds_the_environment_makes_settings() -> None:
    names = set(SAM["Globals"]["Function"]["Environment"]["Variables"])
    values = {"DATABASE_URL": "postgresql://u:p@h:5432/d", "S3_ENDPOINT_URL": "https://s3.eu-central-1.amazonaws.com", "S3_BUCKET": "b"}
    assert names == set(values)
    loaded = settings.load(
        {**values, "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t", "RETENTION_DAYS": ""}
    )
    assert (loaded.aws_session_token, loaded.retention_days) == ("t", None)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_may_do_what_the_table_says_and_nothing_else(name: str) -> None:
    role = f"{name.capitalize()}Role"
    assert deployments.allowed(SAM["Resources"][role]) == ALLOWED[name]
    assert SLS["resources"]["Resources"][role] == SAM["Resources"][role]
    assert deployments.sam_function(SAM, name)["Role"] == {"Fn::GetAtt": [role, "Arn"]}
    assert SLS["functions"][name]["role"] == role
    assert '"*"' not in json.dumps(SAM["Resources"][role]["Properties"]["Policies"])


def test_the_queue_gives_one_message_a_call_and_takes_back_single_ones() -> None:
    sam = deployments.sam_function(SAM, "ocr")["Events"]["Work"]["Properties"]
    [event] = SLS["functions"]["ocr"]["events"]
    assert (sam["BatchSize"], event["sqs"]["batchSize"]) == (1, 1)
    assert (sam["FunctionResponseTypes"], event["sqs"]["functionResponseType"]) == (["ReportBatchItemFailures"], "ReportBatchItemFailures")
    assert sam["Queue"] == event["sqs"]["arn"] == {"Fn::GetAtt": ["OcrQueue", "Arn"]}
    assert sam["ScalingConfig"]["MaximumConcurrency"] == {"Ref": "OcrConcurrency"}
    assert event["sqs"]["maximumConcurrency"] == "${param:ocrConcurrency}"


def test_a_message_comes_back_only_after_its_call_must_have_ended() -> None:
    queue = SAM["Resources"]["OcrQueue"]["Properties"]
    assert queue["VisibilityTimeout"] >= 6 * SECONDS["ocr"]
    assert (queue["RedrivePolicy"]["maxReceiveCount"], queue["VisibilityTimeout"]) == (plan.RECEIVES, plan.VISIBILITY_SECONDS)
    assert queue["VisibilityTimeout"] * queue["RedrivePolicy"]["maxReceiveCount"] < queue["MessageRetentionPeriod"]


def test_sweep_runs_every_minute() -> None:
    assert deployments.sam_function(SAM, "sweep")["Events"]["EveryMinute"]["Properties"]["Schedule"] == "rate(1 minute)"
    assert SLS["functions"]["sweep"]["events"] == [{"schedule": "rate(1 minute)"}]


def test_the_bucket_tells_the_queue_of_both_prefixes() -> None:
    told = SAM["Resources"]["Bucket"]["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
    assert {entry["Event"] for entry in told} == {"s3:ObjectCreated:*"}
    assert {entry["Filter"]["S3Key"]["Rules"][0]["Value"] for entry in told} == {"incoming/", "uploads/"}
    assert SAM["Resources"]["Bucket"]["DependsOn"] == ["OcrQueuePolicy"]


@pytest.mark.parametrize("kind", sorted(ANSWERS))
def test_what_api_gateway_says_by_itself_is_a_problem_document(kind: str) -> None:
    expected = problems.answer(ANSWERS[kind](), "$context.requestId")
    said = SAM["Resources"]["ApiGatewayRestApi"]["Properties"]["GatewayResponses"][kind]
    headers = {name: f"'{value}'" for name, value in {**expected.headers, "Cache-Control": "no-store"}.items()}
    assert json.loads(said["ResponseTemplates"]["application/json"]) == json.loads(expected.body)
    assert said["StatusCode"] == str(expected.status)
    assert said["ResponseParameters"]["Headers"] == headers
    name = "ApiGatewayResponse" + "".join(word.capitalize() for word in kind.split("_"))
    assert SLS["resources"]["Resources"][name]["Properties"] == {
        "RestApiId": {"Ref": "ApiGatewayRestApi"},
        "ResponseType": kind,
        "StatusCode": said["StatusCode"],
        "ResponseTemplates": said["ResponseTemplates"],
        "ResponseParameters": {f"gatewayresponse.header.{header}": value for header, value in headers.items()},
    }


def test_every_answer_of_api_gateway_is_in_the_table() -> None:
    assert set(SAM["Resources"]["ApiGatewayRestApi"]["Properties"]["GatewayResponses"]) == set(ANSWERS)


def test_serverless_takes_every_resource_but_the_domain() -> None:
    own = {"ApiGatewayRestApi", "Domain", "DomainMapping"} | {f"{name.capitalize()}Function" for name in FUNCTIONS}
    taken = {name for name in SLS["resources"]["Resources"] if not name.startswith("ApiGatewayResponse")}
    assert taken == set(SAM["Resources"]) - own


def test_serverless_gives_every_parameter_a_value() -> None:
    given = {name for name, parameter in SLS["resources"]["Parameters"].items() if str(parameter["Default"]).startswith("${param:")}
    assert given == set(SAM["Parameters"]) - {"DomainName", "CertificateArn"}
    wanted = set(re.findall(r"\$\{param:(\w+)\}", (ROOT / "serverless.yml").read_text("utf-8")))
    assert wanted == set(SLS["params"]["default"])
