"""The Lambda image on AWS's own runtime emulator, with a real database: it starts, and takes a wake as an invocation."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests

from tests.acceptance.homes.base import ROOT
from tests.acceptance.homes.containers_home import BUCKET, ContainersHome
from tests.support.containers import HARDENED, image, podman
from tests.support.ports import free_port
from tests.support.waiting import eventually
from tests.system_tests.images.conftest import inspected, words

EMULATOR = ROOT / ".cache/bin/aws-lambda-rie"


def test_the_lambda_image_starts_awslambdaric_with_our_handler() -> None:
    config = inspected(image("ocr-lambda"))["Config"]

    assert config["Entrypoint"] == ["python", "-m", "awslambdaric"]
    assert config["Cmd"] == ["docusnap.hosts.aws_lambda.handler"]
    assert "ExposedPorts" not in config


def test_an_invocation_of_the_lambda_image_reads_what_is_due(home: ContainersHome, capsys: pytest.CaptureFixture[str]) -> None:
    api, port = free_port(), free_port()
    config = inspected(image("ocr-lambda"))["Config"]
    files = {f"{name}_FILE": f"/run/secrets/{name}" for name in ("DATABASE_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    environ = {**files, "S3_BUCKET": BUCKET, "S3_ENDPOINT_URL": home.store.url, "AWS_LAMBDA_FUNCTION_TIMEOUT": "120"}
    addresses = ("--runtime-api-address", f"127.0.0.1:{api}", "--runtime-interface-emulator-address", f"127.0.0.1:{port}")
    mounts = ("--volume", f"{EMULATOR}:/rie:ro", "--volume", f"{home.secrets}:/run/secrets:ro")
    name = f"docusnap-test-lambda-{port}"
    options = ("--detach", "--name", name, *HARDENED, *mounts, *words(environ), "--entrypoint", '["/rie"]')
    podman("run", *options, image("ocr-lambda"), *addresses, *config["Entrypoint"], *config["Cmd"])
    try:
        began = time.monotonic()
        answer = eventually(lambda: invoked(port), "it is invoked", 60)
        took = time.monotonic() - began
    finally:
        log = podman("logs", name, check=False)
        podman("rm", "--force", "--time", "0", name)
    assert answer == {"handled": 0, "batchItemFailures": []}, log.stdout + log.stderr
    with capsys.disabled():
        print(f"\nocr-lambda: from the start to the first answer {took:.2f} s")


def invoked(port: int) -> dict[str, Any] | None:
    """The answer to a wake. The emulator starts the function with its first invocation."""
    try:
        answer: dict[str, Any] = requests.post(
            f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations", json={}, timeout=60
        ).json()
    except requests.ConnectionError:
        return None
    return answer
