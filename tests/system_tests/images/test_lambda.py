"""The Lambda image on AWS's own runtime emulator, with a real database: it starts, and takes a wake as an invocation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.acceptance.client import Client
from tests.acceptance.homes.base import ROOT
from tests.acceptance.homes.containers_home import BUCKET, ContainersHome
from tests.support.containers import HARDENED, image, podman
from tests.support.ports import free_port
from tests.support.waiting import eventually
from tests.system_tests.images.conftest import inspected, words

SAMPLE = ROOT / "layers/docusnap/sample"
EMULATOR = ROOT / ".cache/bin/aws-lambda-rie"


def test_the_lambda_image_starts_awslambdaric_with_our_handler() -> None:
    config = inspected(image("ocr-lambda"))["Config"]

    assert config["Entrypoint"] == ["python", "-m", "awslambdaric"]
    assert config["Cmd"] == ["docusnap.hosts.aws_lambda.handler"]
    assert "ExposedPorts" not in config


@pytest.fixture
def invocations(home: ContainersHome) -> Iterator[str]:
    """The address of the image under the emulator; nobody else reads pages meanwhile."""
    api, port = free_port(), free_port()
    config = inspected(image("ocr-lambda"))["Config"]
    files = {f"{name}_FILE": f"/run/secrets/{name}" for name in ("DATABASE_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    environ = {**files, "S3_BUCKET": BUCKET, "S3_ENDPOINT_URL": home.store.url, "AWS_LAMBDA_FUNCTION_TIMEOUT": "120"}
    addresses = ("--runtime-api-address", f"127.0.0.1:{api}", "--runtime-interface-emulator-address", f"127.0.0.1:{port}")
    mounts = ("--volume", f"{EMULATOR}:/rie:ro", "--volume", f"{home.secrets}:/run/secrets:ro")
    name = f"docusnap-test-lambda-{port}"
    options = ("--detach", "--name", name, *HARDENED, *mounts, *words(environ), "--entrypoint", '["/rie"]')
    for function in ("ocr", "sweep"):
        home.containers[function].kill()
    try:
        podman("run", *options, image("ocr-lambda"), *addresses, *config["Entrypoint"], *config["Cmd"])
        yield f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
    finally:
        podman("rm", "--force", "--time", "0", "--ignore", name)
        for function in ("ocr", "sweep"):
            home.containers[function].start()


def test_an_invocation_of_the_lambda_image_reads_what_is_due(home: ContainersHome, invocations: str) -> None:
    reader = Client(home.api, home.key, 60)
    document = reader.send("by lambda.png", (SAMPLE / "page.png").read_bytes())
    eventually(lambda: reader.get(f"/documents/{document}")["status"] == "queued", "it is queued", 30)

    answer = eventually(lambda: invoked(invocations), "it is invoked", 60)

    assert answer == {"handled": 2}, "a split and a page"
    assert reader.text(document) == (SAMPLE / "page.txt").read_text("utf-8").rstrip("\n")


def invoked(url: str) -> dict[str, Any] | None:
    """The answer to a wake. The emulator starts the function with its first invocation."""
    try:
        answer: dict[str, Any] = requests.post(url, json={}, timeout=60).json()
    except requests.ConnectionError:
        return None
    return answer
