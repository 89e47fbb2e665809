"""infra/openfaas and infra/knative say what the code understands: variables, functions, images, and time-outs in their order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from docusnap import __version__, settings
from docusnap.adapters import waker
from docusnap.hosts.function import FUNCTIONS
from docusnap.ocr import worker

ROOT = Path(__file__).parents[2]
OPENFAAS, KNATIVE = ROOT / "infra/openfaas", ROOT / "infra/knative"
KNOWN = {name.upper() for name in settings._VARIABLES} | {f"{name}_FILE" for name in settings.SECRETS} | {"FUNCTION", "PORT", "HOST"}
# As OpenFaaS documents them for deployment, without those that only build.
STACK_FIELDS = {
    *("lang", "handler", "image", "skip_build", "build_args", "environment", "environment_file", "secrets", "readonly_root_filesystem"),
    *("constraints", "labels", "annotations", "limits", "requests", "namespace"),
}
SECRETS = "/var/openfaas/secrets/"


def load(path: Path) -> list[Any]:
    return list(yaml.safe_load_all(path.read_text("utf-8")))


STACK = load(OPENFAAS / "stack.yaml")[0]["functions"]
GATEWAY = load(OPENFAAS / "gateway.yaml")[0]
SERVICES = {service["metadata"]["name"]: service for service in load(KNATIVE / "services.yaml")}
GPU = load(KNATIVE / "ocr-gpu.yaml")[0]
EVENTING = {(thing["kind"], thing["metadata"]["name"]): thing["spec"] for thing in load(KNATIVE / "eventing.yaml")}


def revision(service: Mapping[str, Any]) -> Any:
    return service["spec"]["template"]["spec"]


def container(service: Mapping[str, Any]) -> Any:
    (only,) = revision(service)["containers"]
    return only


def environments() -> Iterator[tuple[str, str, Mapping[str, str]]]:
    for name, function in STACK.items():
        yield "openfaas", name, function["environment"]
    for name, service in {**SERVICES, "ocr-gpu": GPU}.items():
        yield "knative", name, {entry["name"]: entry["value"] for entry in container(service)["env"]}


ALL = [pytest.param(name, environ, id=f"{home}: {name}") for home, name, environ in environments()]


def seconds(text: str) -> int:
    found = re.fullmatch(r"(\d+)s", text)
    assert found, text
    return int(found[1])


def longest_call(environ: Mapping[str, str]) -> float:
    """Of ocr: after the one it begins nothing more, what has begun may hold its lease, and the database may be away when it is written."""
    assert float(environ["PAGE_SECONDS"]) < worker.LEASE_SECONDS
    return float(environ["OCR_WORK_SECONDS"]) + worker.LEASE_SECONDS + worker.COMMIT_SECONDS


def test_every_home_has_all_five_functions() -> None:
    assert set(STACK) == set(SERVICES) == set(FUNCTIONS)
    assert GPU["metadata"]["name"] == "ocr"


@pytest.mark.parametrize(("name", "environ"), ALL)
def test_every_variable_is_one_that_the_code_reads_and_the_settings_can_be_loaded(
    name: str, environ: Mapping[str, str], tmp_path: Path
) -> None:
    assert set(environ) <= KNOWN
    assert all(isinstance(value, str) for value in environ.values())
    assert environ["FUNCTION"] == name.removesuffix("-gpu")
    secret = tmp_path / "secret"
    secret.write_text("postgresql://docusnap:secret@postgres:5432/docusnap\n")
    found = settings.load({key: str(secret) if key.endswith("_FILE") else value for key, value in environ.items()})
    assert found.database_url
    assert (found.events_token is not None) == (name == "intake")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_images_are_what_the_dockerfile_builds(name: str) -> None:
    targets = set(re.findall(r"^FROM \S+ AS (\S+)$", (ROOT / "infra/images/Dockerfile").read_text("utf-8"), re.MULTILINE))
    target = "ocr" if name == "ocr" else "functions"
    assert {target, "ocr-cuda"} <= targets
    assert STACK[name]["image"] == container(SERVICES[name])["image"] == f"docusnap-{target}:{__version__}"
    assert container(GPU)["image"] == f"docusnap-ocr-cuda:{__version__}"


def test_the_stack_has_only_documented_fields_and_strings() -> None:
    document = load(OPENFAAS / "stack.yaml")[0]
    assert set(document) == {"provider", "functions"}
    assert set(document["provider"]) == {"name", "gateway"}
    for function in STACK.values():
        assert set(function) <= STACK_FIELDS
        assert function["readonly_root_filesystem"] is True
        assert set(function["limits"]) == set(function["requests"]) == {"memory", "cpu"}
        for strings in ("environment", "labels", "annotations"):
            assert all(isinstance(value, str) for value in function.get(strings, {}).values())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_secrets_that_are_read_are_mounted_and_no_others(name: str) -> None:
    files = {value for key, value in STACK[name]["environment"].items() if key.endswith("_FILE")}
    assert files == {f"{SECRETS}{secret}" for secret in STACK[name]["secrets"]}
    named = set(re.findall(r"faas-cli secret create (\S+)", (OPENFAAS / "README.md").read_text("utf-8")))
    assert set(STACK[name]["secrets"]) <= named


def test_openfaas_ces_limits_are_kept() -> None:
    assert len(STACK) <= 15
    for function in STACK.values():
        assert int(function["labels"]["com.openfaas.scale.max"]) <= 5
        assert "com.openfaas.scale.zero" not in function["labels"]


def test_every_time_out_of_openfaas_outwaits_the_longest_call() -> None:
    """Were there an of-watchdog: exec_timeout < write_timeout < the gateway's upstream_timeout; then whoever asks the gateway."""
    longest = longest_call(STACK["ocr"]["environment"])
    upstream = seconds(GATEWAY["gateway"]["upstreamTimeout"])
    outside = [seconds(GATEWAY[part][which]) for part in ("gateway", "faasnetes") for which in ("readTimeout", "writeTimeout")]
    assert longest < upstream < min(outside) <= seconds(GATEWAY["queueWorker"]["ackWait"])
    assert max(outside) < (waker.TIMEOUT.read_timeout or 0)


def test_every_time_out_of_knative_outwaits_the_longest_call() -> None:
    for ocr in (SERVICES["ocr"], GPU):
        environ = {entry["name"]: entry["value"] for entry in container(ocr)["env"]}
        assert longest_call(environ) < revision(ocr)["timeoutSeconds"] < (waker.TIMEOUT.read_timeout or 0)
    assert revision(SERVICES["query"])["timeoutSeconds"] > 25 + 10  # the longest ?wait=, and a database that is away
    assert revision(SERVICES["sweep"])["timeoutSeconds"] > 60


@pytest.mark.parametrize("name", [*FUNCTIONS, "ocr-gpu"])
def test_a_knative_service_is_probed_locked_up_and_refuses_nothing_that_the_platform_lets_through(name: str) -> None:
    service = GPU if name == "ocr-gpu" else SERVICES[name]
    only = container(service)
    environ = {entry["name"]: entry["value"] for entry in only["env"]}
    assert service["apiVersion"] == "serving.knative.dev/v1"
    assert 0 < revision(service)["containerConcurrency"] <= int(environ["MAX_INFLIGHT"])
    assert (only["readinessProbe"]["httpGet"]["path"], only["livenessProbe"]["httpGet"]["path"]) == ("/_/ready", "/_/health")
    assert only["securityContext"]["readOnlyRootFilesystem"] is True
    mounts = {mount["name"]: mount["mountPath"] for mount in only["volumeMounts"]}
    assert mounts == {"secrets": "/secrets", "tmp": "/tmp"}  # noqa: S108  the container's own
    assert all(value.startswith("/secrets/") for key, value in environ.items() if key.endswith("_FILE"))
    scale = service["spec"]["template"]["metadata"]["annotations"]
    assert int(scale["autoscaling.knative.dev/min-scale"]) < int(scale["autoscaling.knative.dev/max-scale"])
    local = service["metadata"].get("labels", {}).get("networking.knative.dev/visibility") == "cluster-local"
    assert local == (environ["FUNCTION"] in {"ocr", "sweep"})


def test_a_gpu_is_asked_for_where_it_is_used() -> None:
    assert container(GPU)["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert {"name": "OCR_DEVICE", "value": "cuda"} in container(GPU)["env"]


def test_wakes_and_schedules_lead_to_the_functions() -> None:
    for name in ("upload", "intake", "ocr", "sweep"):
        assert STACK[name]["environment"]["OCR_URL"].endswith("/async-function/ocr")
    assert STACK["sweep"]["annotations"] == {"topic": "cron-function", "schedule": "* * * * *"}
    assert EVENTING["PingSource", "sweep"]["sink"]["ref"]["name"] == "sweep"
    trigger = EVENTING["Trigger", "intake"]
    assert (trigger["subscriber"]["ref"]["name"], trigger["subscriber"]["uri"]) == ("intake", "/events/s3/EVENTS_TOKEN")
    assert ("Broker", trigger["broker"]) in EVENTING


def test_minios_webhook_is_wired_to_intake_with_all_it_needs() -> None:
    lines = dict(re.findall(r"MINIO_NOTIFY_WEBHOOK_(\w+)_OCR=(\S+)", (OPENFAAS / "README.md").read_text("utf-8")))
    assert set(lines) == {"ENABLE", "ENDPOINT", "AUTH_TOKEN", "QUEUE_DIR", "QUEUE_LIMIT"}
    assert lines["ENDPOINT"].endswith("/function/intake/events/s3")
    assert lines["QUEUE_DIR"].startswith("/")
