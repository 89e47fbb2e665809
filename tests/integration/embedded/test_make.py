"""`make run` with the real make, in a copy of the tree; the installation's marks are set, so that nothing is downloaded."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import venv
from pathlib import Path

import pytest
from docusnap.adapters.models import default_dir

from tests.integration.embedded.conftest import House, clean_environ, until

ROOT = Path(__file__).resolve().parents[3]
WAYS = ("make alone, SIGINT", "make alone, SIGTERM", "make alone, SIGKILL", "the group, SIGINT", "the group, SIGTERM")
MARKS = (".created", ".requirements", ".docusnap", ".models")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the source with a virtual environment that borrows this one's packages, as after an installation."""
    found = tmp_path / "tree"
    for name in ("layers", "functions", "requirements"):
        shutil.copytree(ROOT / name, found / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, found)
    borrow(found / ".venv", found / "layers")
    for number, name in enumerate(MARKS):
        (found / ".venv" / name).touch()
        os.utime(found / ".venv" / name, times=(time.time() + number, time.time() + number))
    return found


def borrow(folder: Path, layers: Path) -> None:
    venv.create(folder, with_pip=False, symlinks=True)
    site = next(folder.glob("lib/python*/site-packages"))
    (site / "borrowed.pth").write_text(f"{layers}\n{sysconfig.get_path('purelib')}\n")
    script = folder / "bin" / "docusnap"
    script.write_text(f"#!{folder}/bin/python\nimport sys\nfrom docusnap.cli import main\nsys.exit(main())\n")
    script.chmod(0o755)
    (folder / "bin" / "juicefs").symlink_to(Path(sys.executable).with_name("juicefs"))
    (folder / "share" / "docusnap").mkdir(parents=True)
    (folder / "share" / "docusnap" / "models").symlink_to(default_dir())


def signalled(house: House, tree: Path, how: str) -> None:
    """Start `make run`, end it in one of the ways that users do, and see that nothing is left within 15 s."""
    house.start(["env", "--default-signal=INT", "make", "run"], cwd=tree)  # a shell has what it starts in the background ignore it
    assert house.process is not None
    if how == "make alone, SIGINT":
        house.process.send_signal(signal.SIGINT)
    elif how == "make alone, SIGTERM":
        house.process.send_signal(signal.SIGTERM)
    elif how == "make alone, SIGKILL":
        house.process.kill()
    else:
        os.killpg(house.process.pid, signal.SIGINT if how.endswith("SIGINT") else signal.SIGTERM)
    try:
        house.process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        pytest.fail(f"{how}: not ended within 15 s; it said:\n{house.output}")
    until(lambda: not house.kin.alive() and not house.open_ports(), "an empty machine", seconds=15)
    until(lambda: house.output.endswith("Stopped.\n") or "Stopped.\nmake: " in house.output, "the last word", seconds=5)


def test_however_make_is_ended_nothing_is_left(house: House, tree: Path) -> None:
    for how in WAYS:
        signalled(house, tree, how)


def test_a_relative_file_with_a_space_in_its_name_is_sent(house: House, tree: Path) -> None:
    (tree / "not a scan.png").write_text("plain text")
    house.start(["make", "run", "FILE=not a scan.png"], cwd=tree)
    assert "not a scan.png: unsupported_type" in house.output
    assert f"DOCUSNAP_HOME={house.home} .venv/bin/docusnap ocr FILE" in house.output


def dry_run(tree: Path, *words: str) -> str:
    done = subprocess.run(["make", "--dry-run", *words], cwd=tree, env=clean_environ(), capture_output=True, text=True, check=True)
    return done.stdout


def test_nothing_is_installed_twice(tree: Path) -> None:
    assert " -m pip" not in dry_run(tree, "run")


def test_a_changed_lock_and_an_interrupted_step_are_installed_again(tree: Path) -> None:
    (tree / ".venv" / ".docusnap").unlink()
    assert "--editable ." in dry_run(tree, "run")
    assert "--require-hashes" not in dry_run(tree, "run")
    later = time.time() + 60
    os.utime(tree / "requirements" / "embedded.txt", times=(later, later))
    assert "--require-hashes" in dry_run(tree, "run")


def test_an_old_python_is_one_sentence(tree: Path, tmp_path: Path) -> None:
    old = tmp_path / "python3.9"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = subprocess.run(
        ["make", "run", f"PYTHON={old}", "VENV=other"], cwd=tree, env=clean_environ(), capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "DocuSnap needs Python 3.11 or newer" in done.stderr
    assert not (tree / "other").exists()
