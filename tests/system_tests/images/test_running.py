"""How a container starts, says that it is well, and ends: read-only, without root and without capabilities."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.containers import HARDENED, Container, image, podman
from tests.system_tests.images.conftest import NOWHERE, words

FUNCTIONS = ("upload", "query", "intake", "sweep", "ocr")


@pytest.fixture(params=FUNCTIONS)
def container(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Container]:
    started = Container(request.param, NOWHERE, tmp_path, memory="1g")
    try:
        started.start()
        yield started
    finally:
        started.remove()


def test_a_container_is_healthy_and_ends_in_time_when_told_to(container: Container) -> None:
    assert podman("healthcheck", "run", container.name, check=False).returncode == 0
    assert requests.get(f"{container.url}/_/health", timeout=5).json() == {"status": "ok"}
    began = time.monotonic()

    assert container.stop() == 0
    assert time.monotonic() - began < 12, "ten seconds are what orchestrators wait before they kill, two are podman's own"


def test_a_health_check_fails_where_nobody_answers() -> None:
    command = inspected_health("functions")

    done = podman("run", "--rm", "--network", "none", "--no-healthcheck", image("functions"), *command, check=False)
    assert done.returncode not in (0, 125, 126, 127)


def inspected_health(target: str) -> list[str]:
    said = podman("image", "inspect", "--format", '{{range .HealthCheck.Test}}{{.}}{{"\\x1f"}}{{end}}', image(target)).stdout
    kind, *command = said.strip().rstrip("\x1f").split("\x1f")
    assert kind == "CMD"
    return command


@pytest.mark.parametrize(
    ("target", "environ", "sentence"),
    [
        ("functions", {"FUNCTION": "query"}, "DATABASE_URL is not set: it takes a URL"),
        ("functions", NOWHERE, "FUNCTION: '' is not one of upload, query, intake, ocr, sweep."),
        ("functions", {**NOWHERE, "FUNCTION": "quarry"}, "FUNCTION: 'quarry' is not one of upload, query, intake, ocr, sweep."),
        ("ocr", {**NOWHERE, "OCR_DEVICE": "tpu"}, "OCR_DEVICE: 'tpu' is not auto, cpu or cuda."),
    ],
)
def test_a_container_with_a_wrong_setting_ends_with_one_sentence(target: str, environ: dict[str, str], sentence: str) -> None:
    done = podman(
        "run", "--rm", *HARDENED, "--no-healthcheck", *words({"HOST": "127.0.0.1", **environ}), image(target), check=False, timeout=30
    )

    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count('"level": "error"') == 1


def test_the_admin_image_explains_itself_and_refuses_in_a_sentence() -> None:
    assert "migrate" in podman("run", "--rm", "--network", "none", image("admin")).stdout
    done = podman("run", "--rm", "--network", "none", "--env", "DATABASE_URL=mysql://x", image("admin"), "migrate", check=False)
    assert done.returncode == 1
    assert done.stderr.strip().startswith("docusnap: DATABASE_URL: the value given is not a URL postgresql://")
