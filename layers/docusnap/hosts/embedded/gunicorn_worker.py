"""gunicorn's settings for the embedded worker: those of every host, and a recogniser that loads its models while the other parts start."""

from __future__ import annotations

import logging
import threading
from typing import Any, cast

from docusnap.adapters.engine_process import EngineProcess
from docusnap.bootstrap import parts
from docusnap.hosts import gunicorn_conf

worker_class = gunicorn_conf.worker_class
timeout = gunicorn_conf.timeout
keepalive = gunicorn_conf.keepalive
control_socket_disable = gunicorn_conf.control_socket_disable
child_exit = gunicorn_conf.child_exit


def post_worker_init(worker: Any) -> None:
    gunicorn_conf.post_worker_init(worker)
    parts()
    threading.Thread(target=_warm, daemon=True).start()


def _warm() -> None:
    """Best effort: the first page would do the same, only later."""
    try:
        cast("EngineProcess", parts().engine).warm()
    except Exception:
        logging.getLogger(__name__).exception("the recogniser could not be warmed up")
