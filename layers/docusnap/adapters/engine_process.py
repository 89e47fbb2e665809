"""Recognition in a lasting child process: its death costs one failure on the page it held, and the next page gets a fresh child."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docusnap import errors
from docusnap.adapters import engines
from docusnap.adapters.child import GLANCE_SECONDS, Child, ChildDied, ChildError, ChildFailed, ChildTimeout, Interpreter
from docusnap.adapters.frames import Header
from docusnap.adapters.pages import page_from_json, page_to_json
from docusnap.adapters.serving import serve
from docusnap.model import PageRaster, RecognisedPage
from docusnap.ocr.turns import TURN_SECONDS
from docusnap.ports import Clock
from docusnap.settings import Settings

if TYPE_CHECKING:
    from docusnap.adapters.cnocr.engine import CnocrEngine
    from docusnap.adapters.onnx.engine import OnnxEngine

log = logging.getLogger(__name__)

WARM: Header = {"warm": True}


class EngineProcess:
    """One recogniser for all threads of a process; they take turns.

    The child uses every core within one page, so that two of them would only share what one has.
    """

    def __init__(self, settings: Settings, program: Sequence[str] | None = None, turn_seconds: float = TURN_SECONDS) -> None:
        """Starts nothing. `program` is what the child runs.

        Raises: ConfigurationError when OCR_ENGINE cannot be had: a package, a model file or the device is missing.
        """
        chosen = engines.choose(settings)
        self._program = program or chosen.program
        self._page_seconds, self._turn_seconds, self._start_seconds = settings.page_seconds, turn_seconds, chosen.start_seconds
        self.info = chosen.info
        self._turn = threading.Lock()
        self._child: Child | None = None
        self._loaded = False  # the child has said that it has its models

    @property
    def pid(self) -> int | None:
        """Of the child, while there is one."""
        return self._child.pid if self._child else None

    def warm(self) -> None:
        """Start the child, which loads the models by itself; does not wait for it."""
        with self._turn:
            self._living()

    def recognise(self, pages: Iterable[PageRaster], *, clock: Clock | None = None) -> Iterator[RecognisedPage]:
        """One result per raster, in order.

        Raises: EngineCrashed, EngineFailed, PageTimeout for the page; EngineBusy, Interrupted: the page was not judged.
        """
        for page in pages:
            with self._my_turn(clock):
                recognised = self._ask(page, clock)
            yield recognised

    def close(self) -> None:
        """End the child, after the page it is reading."""
        with self._turn:
            self._drop()

    @contextlib.contextmanager
    def _my_turn(self, clock: Clock | None) -> Iterator[None]:
        ends = time.monotonic() + self._turn_seconds
        while not self._turn.acquire(timeout=GLANCE_SECONDS):
            if clock is not None and clock.stopping():
                raise errors.Interrupted
            if time.monotonic() > ends:
                raise errors.EngineBusy
        try:
            yield
        finally:
            self._turn.release()

    def _living(self) -> Child:
        if self._child is not None and not self._child.alive:
            self._drop()
        if self._child is None:
            self._child, self._loaded = Child(Interpreter(self._program), answer_bytes=0, threads=os.cpu_count() or 1), False
        return self._child

    def _drop(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None

    def _ask(self, page: PageRaster, clock: Clock | None) -> RecognisedPage:
        child = self._ready(page, clock)
        header: dict[str, Any] = {name: value for name, value in asdict(page).items() if name != "pixels"}
        try:
            answer, _ = child.ask(header, page.pixels, timeout=self._page_seconds, clock=clock)
        except ChildTimeout as exc:
            raise errors.PageTimeout(page=page.number) from exc
        except ChildDied as exc:
            log.warning("the recogniser died: %s", exc)
            raise errors.EngineCrashed(page=page.number) from exc
        except (ChildFailed, errors.EngineFailed, errors.DecodedTooLarge) as exc:
            log.warning("the recogniser failed: %s", exc)  # what libraries say is for the operator, not for the page's owner
            raise errors.EngineFailed(page=page.number) from exc
        return page_from_json(page.number, answer)

    def _ready(self, page: PageRaster, clock: Clock | None) -> Child:
        """A child that has its models; one that cannot start is dropped, so that the next page finds what was repaired meanwhile."""
        child = self._living()
        if self._loaded:
            return child
        try:
            child.ask(WARM, timeout=self._start_seconds, clock=clock)
        except (ChildError, errors.EngineFailed) as exc:
            self._drop()
            log.error("the recogniser could not be started: %s", exc)  # noqa: TRY400  the child's error, not a traceback of ours
            raise errors.EngineFailed("The recogniser could not be started.", page=page.number) from exc
        self._loaded = True
        return child


# The parent never loads ONNX Runtime or torch: the imports are the child's.
def _engine(name: str, folder: str, *others: str) -> OnnxEngine | CnocrEngine:
    """What `engines.choose` wrote into the program."""
    if name == "cnocr":
        from docusnap.adapters.cnocr.engine import CnocrEngine  # noqa: PLC0415

        return CnocrEngine(Path(folder), *others)
    from docusnap.adapters.onnx.engine import OnnxEngine  # noqa: PLC0415
    from docusnap.adapters.onnx.memory import keep_freed  # noqa: PLC0415

    keep_freed()  # the process is the engine's own
    return OnnxEngine(Path(folder), device=others[0])


def _main(engine: OnnxEngine | CnocrEngine) -> None:
    """The child: loads the models before the first question, and says with each answer if that did not work."""
    failure: errors.EngineFailed | None = None
    try:
        engine.warm()
    except errors.EngineFailed as exc:
        failure = exc

    def handle(header: Header, payload: bytes) -> tuple[Header, bytes]:
        if failure is not None:
            raise failure
        if header == WARM:
            return {}, b""
        (page,) = engine.recognise([PageRaster(**header, pixels=payload)])
        return page_to_json(page), b""

    serve(handle)


if __name__ == "__main__":
    _main(_engine(*sys.argv[1:]))
