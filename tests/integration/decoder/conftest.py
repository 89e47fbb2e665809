"""A decoder on real children, and a way to hand it bytes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docusnap import settings
from docusnap.adapters.decoder.process import DecodedFile, DecoderProcess
from docusnap.model import OcrMode, PageRaster, RecognisedPage
from docusnap.ports import TextLayer
from docusnap.settings import Settings
from PIL import Image

SETTINGS = settings.load({"DATABASE_URL": "postgresql://nobody/nothing", "S3_ENDPOINT_URL": "http://127.0.0.1"})


def changed(**values: Any) -> Settings:
    return dataclasses.replace(SETTINGS, **values)


class Desk:
    """Opens bytes as files; everything it opened is closed with it."""

    def __init__(self, folder: Path, decoder: DecoderProcess) -> None:
        self._folder, self._decoder = folder, decoder
        self._opened: list[DecodedFile] = []
        self._own: list[DecoderProcess] = []

    def open(self, data: bytes) -> DecodedFile:
        path = self._folder / f"{len(self._opened)}.upload"
        path.write_bytes(data)
        self._opened.append(self._decoder.open(path))
        return self._opened[-1]

    def limit(self, **values: Any) -> None:
        """Open the next files under other settings."""
        self._decoder = DecoderProcess(changed(**values))
        self._own.append(self._decoder)

    def picture(self, data: bytes, number: int = 1) -> Image.Image:
        """The page's raster, counted first as the worker does."""
        return picture(self.raster(data, number))

    def raster(self, data: bytes, number: int = 1) -> PageRaster:
        file = self.open(data)
        file.count()
        page = file.page(number, OcrMode.FORCE)
        assert isinstance(page, PageRaster)
        return page

    def text(self, data: bytes, number: int = 1) -> RecognisedPage | None:
        """The page's own text, or None where its pixels are to be read."""
        page = self.open(data).page(number, OcrMode.AUTO)
        return page.page if isinstance(page, TextLayer) else None

    def close(self) -> None:
        for thing in (*self._opened, *self._own):
            thing.close()


def picture(raster: PageRaster) -> Image.Image:
    return Image.frombytes({1: "L", 3: "RGB"}[raster.channels], (raster.width, raster.height), raster.pixels).convert("RGB")


@pytest.fixture(scope="session")
def decoder() -> Iterator[DecoderProcess]:
    """One for all tests, as a worker has one for all its files."""
    decoder = DecoderProcess(SETTINGS)
    yield decoder
    decoder.close()


@pytest.fixture
def desk(tmp_path: Path, decoder: DecoderProcess) -> Iterator[Desk]:
    opened = Desk(tmp_path, decoder)
    yield opened
    opened.close()
