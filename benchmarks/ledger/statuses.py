"""How many status reads a second the gateway answers, while its client shares the cores."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmarks.engine.runs import ROOT
from benchmarks.ledger import sketch
from benchmarks.ledger.house import House

CLIENTS = 16
SECONDS = 5.0
RUNS = 4  # the best counts: others' work on the machine only takes away


@dataclass(frozen=True, slots=True)
class Reads:
    rate: float  # answers a second
    took: Sequence[float]  # seconds
    cpu: dict[str, float]  # seconds an answer, by part of the stack; `client` is the benchmark's own
    sketch: float = math.nan  # the sketch's answers a second, in the same minutes


def measure(house: House, documents: Sequence[str]) -> Reads:
    """The best of several runs, after one that warms up, in turns with the sketch."""
    with sketch.beside(house) as bare:
        for each in (house, bare):
            _run(each, documents, 1.0)
        runs = [(_run(house, documents, SECONDS), _run(bare, documents, SECONDS)) for _ in range(RUNS)]
    ours = max((one for one, _ in runs), key=lambda run: run.rate)
    return replace(ours, sketch=max(other.rate for _, other in runs))


def _run(house: House, documents: Sequence[str], seconds: float) -> Reads:
    before = {part: house.cpu(part) for part in ("gateway", "database")}
    command = [sys.executable, "-m", "benchmarks.ledger.reader", str(house.port), str(CLIENTS), str(seconds)]
    asked = "\n".join([house.key, *(f"/v1/documents/{document}" for document in documents)])
    done = subprocess.run(command, input=asked, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        raise RuntimeError(f"The reader ended: {done.stderr[-1000:]}")
    told = json.loads(done.stdout)
    answers = told["rate"] * seconds
    used = {part: (house.cpu(part) - cpu) / answers for part, cpu in before.items()}
    return Reads(told["rate"], told["took"], used | {"client": told["cpu"] / answers})
