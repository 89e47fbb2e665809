"""What a run depends on: this machine, what is installed on it, and what is missing."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.engine.runs import Engine
from benchmarks.pages.sheet import FACES, FONTS

VECTORS = re.compile(r"sse4|avx|fma|f16c|amx|asimd|sve")
PACKAGES = {"cnocr": ("cnocr", "cnstd", "rapidocr", "onnxruntime"), "rapidocr": ("rapidocr", "onnxruntime"), "docusnap": ("onnxruntime",)}
LANGUAGES = ("chi_sim", "chi_sim_vert", "eng", "osd")  # tesseract's


def model() -> str:
    return about().get("model name", platform.machine())


def flags() -> str:
    """The instructions that decide how fast a network runs."""
    return " ".join(flag for flag in about().get("flags", about().get("Features", "")).split() if VECTORS.match(flag))


def about() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def versions(engines: Sequence[Engine]) -> Iterator[str]:
    for engine in engines:
        if engine.name == "tesseract":
            yield tesseract("--version").splitlines()[0]
        elif wanted := PACKAGES.get(engine.name):
            script = f"from importlib.metadata import version as v; print(', '.join(n + ' ' + v(n) for n in {wanted!r}))"
            told = subprocess.run([engine.python, "-c", script], check=True, capture_output=True, text=True).stdout.strip()
            yield f"{engine.name}: {told}"


def missing(engines: Sequence[Engine]) -> list[str]:
    """Debian's packages that are needed and not there."""
    fonts = {"truetype/liberation": "fonts-liberation", "opentype/noto": "fonts-noto-cjk"}
    absent = [path for path, _ in FACES.values() if not (FONTS / path).is_file()]
    packages = [package for folder, package in fonts.items() if any(path.startswith(folder) for path in absent)]
    if any(engine.name == "tesseract" for engine in engines):
        there = tesseract("--list-langs").split() if shutil.which("tesseract") else []
        packages += [] if there else ["tesseract-ocr"]
        packages += [f"tesseract-ocr-{name.replace('_', '-')}" for name in LANGUAGES if name not in there]
    return packages


def tesseract(option: str) -> str:
    return subprocess.run(["tesseract", option], check=True, capture_output=True, text=True).stdout
