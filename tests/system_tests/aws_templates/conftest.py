"""What SAM and osls make of the two descriptions, with the same parameters."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.deployments import ROOT, Json

LINT = ROOT / ".cache/cfn-lint/bin"
OSLS = ROOT / ".cache/osls/node_modules/.bin/osls"
TRANSLATE = Path(__file__).with_name("translate.py")


def clean(home: Path) -> dict[str, str]:
    """No credentials, no profile, nothing of AWS."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "AWS_DEFAULT_REGION": "eu-central-1"}


@pytest.fixture(scope="session")
def packaged_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("osls")
    # In a network of its own that leads nowhere: packaging asks nobody.
    command = ["unshare", "--net", str(OSLS), "package", "--package", str(folder / "package")]
    run = subprocess.run(command, cwd=ROOT, env=clean(folder), capture_output=True, text=True, timeout=300, check=False)
    shutil.rmtree(ROOT / ".serverless", ignore_errors=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return folder / "package"


@pytest.fixture(scope="session")
def packaged_file(packaged_folder: Path) -> Path:
    return packaged_folder / "cloudformation-template-update-stack.json"


@pytest.fixture(scope="session")
def translated_file(parameters: Json, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("sam") / "translated.json"
    command = [str(LINT / "python"), str(TRANSLATE), str(ROOT / "template.yaml"), json.dumps(parameters)]
    run = subprocess.run(command, env=clean(target.parent), capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    target.write_text(run.stdout, "utf-8")
    return target


@pytest.fixture(scope="session")
def packaged(packaged_file: Path) -> Json:
    return _json(packaged_file)


@pytest.fixture(scope="session")
def translated(translated_file: Path) -> Json:
    return _json(translated_file)


@pytest.fixture(scope="session")
def parameters(packaged: Json) -> Json:
    """The values of the stack's parameters that osls packaged."""
    return {name: parameter["Default"] for name, parameter in packaged["Parameters"].items()}


def _json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))
