"""A recognised page ↔ the JSON that is stored, which is the contract's own shape less text and status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from docusnap.model import Block, EngineInfo, Line, ModelFile, Polygon, Problem, RecognisedPage, Word

Json = Mapping[str, Any]


def clean(text: str) -> str:
    """Text as PostgreSQL takes it: without NUL, and with "?" for halves of surrogate pairs, which some PDFs carry."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def page_to_json(page: RecognisedPage) -> dict[str, Any]:
    """Everything but number, text and status."""
    return {
        "source": page.source,
        "width": page.width,
        "height": page.height,
        "dpi": page.dpi,
        "rotation": page.rotation,
        "empty": page.empty,
        "blocks": [{"kind": block.kind, "lines": [block.first, block.last]} for block in page.blocks],
        "lines": [_line_to_json(line) for line in page.lines],
    }


def _line_to_json(line: Line) -> dict[str, Any]:
    body = _text_to_json(line)
    if line.words:
        body["words"] = [_text_to_json(word) for word in line.words]
    return body


def _text_to_json(part: Line | Word) -> dict[str, Any]:
    return {"text": clean(part.text), "confidence": part.confidence, "polygon": part.polygon}


def page_from_json(number: int, body: Json) -> RecognisedPage:
    return RecognisedPage(
        number=number,
        source=body["source"],
        width=body["width"],
        height=body["height"],
        dpi=body["dpi"],
        rotation=body["rotation"],
        lines=tuple(_line_from_json(line) for line in body["lines"]),
        blocks=tuple(Block(block["kind"], *block["lines"]) for block in body["blocks"]),
    )


def _line_from_json(line: Json) -> Line:
    words = tuple(Word(word["text"], word["confidence"], _polygon(word)) for word in line.get("words", ()))
    return Line(line["text"], line["confidence"], _polygon(line), words)


def _polygon(part: Json) -> Polygon:
    corners: Sequence[Sequence[float]] = part["polygon"]
    return tuple((x, y) for x, y in corners)


def engine_to_json(engine: EngineInfo) -> dict[str, Any]:
    models = [{"name": model.name, "sha256": model.sha256} for model in engine.models]
    return {"name": engine.name, "version": engine.version, "models": models}


def engine_from_json(body: Json) -> EngineInfo:
    models = tuple(ModelFile(model["name"], model["sha256"]) for model in body["models"])
    return EngineInfo(body["name"], body["version"], models)


def problem_to_json(problem: Problem) -> dict[str, Any]:
    body: dict[str, Any] = {"code": problem.code, "message": clean(problem.message)}
    return body if problem.page is None else body | {"page": problem.page}


def problem_from_json(body: Json | None) -> Problem | None:
    return Problem(body["code"], body["message"], body.get("page")) if body else None
