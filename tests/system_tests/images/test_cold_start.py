"""How long a container takes from its first process to its first answer, with a real database and a real store. Printed, never judged."""

from __future__ import annotations

import http.client
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest
import requests

from tests.acceptance.client import Client
from tests.acceptance.homes.base import ROOT
from tests.acceptance.homes.containers_home import ContainersHome
from tests.support.containers import Container, podman
from tests.support.waiting import eventually

TIMES = 5
GLANCE = 0.002  # seconds between two looks
SAMPLE = ROOT / "layers/docusnap/sample"
TICKS = os.sysconf("SC_CLK_TCK")


def born(pid: int) -> float:
    """When a process began, on the clock of CLOCK_BOOTTIME, to a hundredth of a second."""
    return int(Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[19]) / TICKS


def cpu_seconds(pid: int) -> float:
    """What a process and those below it have used, which says more than the clock where other programs run too."""
    used = sum(int(ticks) for ticks in Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[11:15]) / TICKS
    return used + sum(cpu_seconds(int(child)) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split())


def now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def until(look: Callable[[], bool], seconds: float = 60) -> float:
    """The moment at which it is true."""
    ends = now() + seconds
    while not look():
        assert now() < ends, "it never was"
        time.sleep(GLANCE)
    return now()


def answers(port: int, path: str, key: str = "") -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}"} if key else {})
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def started(container: Container, looks: list[Callable[[], bool]]) -> list[float]:
    """Seconds from the first process to each of the looks, from `podman start` to the last, and of processors' work until then."""
    container.create()
    asked = now()
    starting = subprocess.Popen(["podman", "start", container.name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    moments = [until(look) for look in looks]
    assert starting.wait(timeout=60) == 0
    pid = int(podman("inspect", "--format", "{{.State.Pid}}", container.name).stdout)
    return [*(moment - born(pid) for moment in moments), moments[-1] - asked, cpu_seconds(pid)]


def report(capsys: pytest.CaptureFixture[str], heads: list[str], rows: list[list[float]]) -> None:
    with capsys.disabled():
        print(f"\n\n| seconds, median of {len(rows)} | {' | '.join(heads)} |\n|---|{'---|' * len(heads)}")
        print(f"| | {' | '.join(f'{median(column):.2f}' for column in zip(*rows, strict=True))} |")


def test_query_answers_soon_after_its_start(home: ContainersHome, capsys: pytest.CaptureFixture[str]) -> None:
    container, rows = home.containers["query"], []
    for _ in range(TIMES):
        container.kill()
        ready = lambda: answers(container.port, "/_/ready")  # noqa: E731
        listed = lambda: answers(container.port, "/v1/documents", home.key)  # noqa: E731
        rows.append(started(container, [ready, listed]))

    report(
        capsys, ["query: process to ready", "process to its first list", "`podman start` to its first list", "CPU time until then"], rows
    )


def test_ocr_reads_its_first_page_soon_after_its_start(home: ContainersHome, capsys: pytest.CaptureFixture[str]) -> None:
    container, rows = home.containers["ocr"], []
    reader = Client(home.api, home.key, 60)
    home.containers["sweep"].kill()  # only this test wakes
    try:
        for number in range(TIMES):
            container.kill()
            document = reader.send(f"{number}.png", (SAMPLE / "page.png").read_bytes())
            eventually(lambda document=document: reader.get(f"/documents/{document}")["status"] == "queued", "it is queued", 30)

            def read() -> bool:
                """The wake's answer comes when nothing is left to do."""
                return requests.post(container.url, json={}, timeout=60).status_code == 200

            rows.append(started(container, [lambda: answers(container.port, "/_/ready"), read]))
            assert reader.get(f"/documents/{document}")["status"] == "succeeded"
            assert reader.text(document) == (SAMPLE / "page.txt").read_text("utf-8").rstrip("\n")
    finally:
        home.containers["sweep"].start()

    report(
        capsys,
        ["ocr: process to ready", "process to its first page read", "`podman start` to its first page read", "CPU time until then"],
        rows,
    )
