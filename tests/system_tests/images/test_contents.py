"""What is in each image, and what is not."""

from __future__ import annotations

import docusnap
import pytest

from tests.acceptance.homes.base import ROOT
from tests.support.containers import image
from tests.system_tests.images.conftest import ALL, BASE, HTTP, inspected, megabytes, said

TITLES = ("title", "description", "licenses", "version", "source", "revision")


@pytest.mark.parametrize("target", ALL)
def test_an_image_is_nobodys(target: str) -> None:
    assert inspected(image(target))["Config"]["User"] == "65532:65532"
    assert said(target, "id", "-u").strip() == "65532"


@pytest.mark.parametrize("target", ALL)
def test_an_image_says_what_it_is(target: str) -> None:
    labels = {name: inspected(image(target))["Labels"][f"org.opencontainers.image.{name}"] for name in TITLES}

    assert all(labels.values())
    assert (labels["licenses"], labels["version"]) == ("Apache-2.0", docusnap.__version__)
    assert labels["revision"] != "unknown"


@pytest.mark.parametrize("target", HTTP)
def test_a_container_of_a_function_is_asked_for_its_health_and_told_to_stop(target: str) -> None:
    config = inspected(image(target))["Config"]

    assert list(config["ExposedPorts"]) == ["8080/tcp"]
    assert config["StopSignal"] in ("SIGTERM", "15")
    assert inspected(image(target))["HealthCheck" if "HealthCheck" in inspected(image(target)) else "Healthcheck"]["Test"][0] == "CMD"
    assert config["Cmd"][0] == "gunicorn"  # no shell, which would keep the signal to itself


@pytest.mark.parametrize("target", ALL)
def test_nothing_of_the_build_is_left(target: str) -> None:
    look = """
        for tool in gcc cc g++ make pip pip3; do command -v $tool; done
        find /var/lib/apt/lists /var/cache/apt /build /opt/pip /root/.cache /run/secrets /tmp -type f 2>/dev/null
        find /opt /app -name '*.whl' -o -name pip -o -name setuptools -o -name 'pip-cert*'
        find / -xdev -name 'ca.pem' -o -xdev -name pip-cert
        env | grep -i -E '^(pip|ssl|curl|requests)_'
        true"""

    assert said(target, "sh", "-c", look, root=True) == ""


@pytest.mark.parametrize("target", ALL)
def test_bytecode_is_there_once_for_each_source_and_is_not_compared_with_it(target: str) -> None:
    program = """
import pathlib, importlib.util
sources, compiled = set(), {}
for root in ('/app', '/opt/docusnap/lib'):
    for path in pathlib.Path(root).rglob('*.py'):
        sources.add(str(path))
    for path in pathlib.Path(root).rglob('*.pyc'):
        compiled[str(path)] = importlib.util.source_from_cache(str(path))
checked = [path for path in compiled if open(path, 'rb').read(8)[4:] != b'\\x01\\0\\0\\0']
print(len(set(compiled.values())) == len(compiled), set(compiled.values()) <= sources, checked, sorted(
    path for path in sources - set(compiled.values()) if path.startswith('/app')), len(compiled) > 300)
"""

    assert said(target, "python", "-c", program).split() == ["True", "True", "[]", "[]", "True"]


@pytest.mark.parametrize("target", ["ocr", "ocr-cuda", "ocr-lambda"])
def test_the_models_are_inside(target: str) -> None:
    program = "from docusnap.adapters import models; models.verify(models.locate(None)); print('sound')"

    assert said(target, "python", "-c", program).strip() == "sound"


@pytest.mark.parametrize("target", ["functions", "admin"])
def test_what_serves_has_no_recogniser(target: str) -> None:
    program = "import importlib.util as u; print([n for n in ('onnxruntime', 'cv2', 'numpy', 'PIL') if u.find_spec(n)])"

    assert said(target, "python", "-c", program).strip() == "[]"


def test_what_serves_fits_its_bounds(capsys: pytest.CaptureFixture[str]) -> None:
    base = megabytes(BASE)
    sizes = {target: megabytes(image(target)) for target in ALL}

    with capsys.disabled():
        print(f"\n\n| image | MB | above the base of {base:.0f} MB |\n|---|---|---|")
        for target, size in sizes.items():
            print(f"| {target} | {size:.0f} | {size - base:.0f} |")
    assert sizes["functions"] - base <= 150
    assert sizes["ocr"] - base <= 700


def test_the_licence_and_the_notice_of_the_models_go_with_the_image() -> None:
    for name in ("LICENSE", "NOTICE"):
        assert said("ocr", "cat", f"/app/{name}") == (ROOT / name).read_text("utf-8")
