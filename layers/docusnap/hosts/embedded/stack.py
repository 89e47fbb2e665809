"""The running parts of one embedded stack: started side by side, watched, and ended in order."""

from __future__ import annotations

import importlib
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable

from docusnap.errors import ConfigurationError, StoreDenied, StoreUnavailable
from docusnap.hosts.embedded import objects, plan
from docusnap.hosts.embedded.database import await_embedded, await_external, server_version
from docusnap.hosts.embedded.objects import Juicefs
from docusnap.hosts.embedded.plan import Plan
from docusnap.hosts.embedded.processes import Child, Kin, Program, rotate
from docusnap.hosts.embedded.screen import Stopwatch, say
from docusnap.hosts.embedded.trouble import CannotStart

PATIENCE = 30.0  # seconds for an operator's own store or database to answer
START_SECONDS = 60.0  # for a part of our own, on a slow disk
GUNICORN = ("-m", "gunicorn", "--no-control-socket")
CONFIG = ("--config", "python:docusnap.hosts.gunicorn_conf")
APPS = {"gateway": "docusnap.hosts.gateway:app", "worker": "docusnap.hosts.function:app"}
# Those that take requests or work end first, all at once; the database last, since all others write to it until they end.
GIVES_WAY = 5  # niceness of the OCR worker: who sends or asks something waits for its answer, and no page waits for its reader
STOP_TOGETHER = ("sweep", "gateway", "worker")
STOP_ORDER = (*STOP_TOGETHER, "store", "database")


class Stack:
    """Every program of one home. One thread only, the main one, starts programs."""

    def __init__(self, decided: Plan, watch: Stopwatch) -> None:
        self.plan = decided
        self._watch = watch
        self._kin = Kin(decided.home.path, decided.home.database)
        self._children: dict[str, Child] = {}
        self._sockets: dict[str, socket.socket] = {}

    def start(self) -> None:
        """Start the data's side and the worker, and return when database and store answer; the caller stops it, also after an error.

        Raises: CannotStart.
        """
        if ended := self._kin.end(grace=4.0):
            say(f"  ended {ended} processes that an earlier run left behind")
        self._claim_ports()
        plan.write_secrets(self.plan)
        _empty(self.plan.home.metrics)
        _empty(self.plan.home.scratch)
        setting_up = self._set_up_data()
        self._run(_gunicorn(self.plan, "worker", self._sockets["worker"], threads=self.plan.settings.ocr_fanout + 4))
        importlib.import_module("docusnap.hosts.embedded.keys")  # 0.5 s that pass while the other parts start
        self._start_store(setting_up)
        self._start_database(setting_up)
        self._watch.ready("database", self._database_name())
        self._provision_store()
        self._watch.ready("store", self.plan.settings.s3_endpoint_url)

    def serve(self) -> None:
        """Start what needs the schema. The gateway comes last, so that nobody finds it ready before the home's key is there."""
        self._run(_gunicorn(self.plan, "gateway", self._sockets["gateway"], threads=16))
        self._run(_python(self.plan, "sweep", "docusnap.hosts.embedded.timer"))

    def await_ready(self, ready: Callable[[], bool]) -> None:
        """Raises: CannotStart, naming the log, when a part ends or the whole takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            self._check_alive()
            if time.monotonic() > deadline:
                raise CannotStart(f"DocuSnap did not become ready within {START_SECONDS:.0f} s; its logs are in {self.plan.home.logs}.")
            time.sleep(0.05)
        self._watch.ready("gateway", self.plan.url)

    def tend(self) -> None:
        """Start again what died, and keep the logs bounded. Called a few times a second."""
        for child in self._children.values():
            child.mend(self._note)
            rotate(child.program.log)

    def stop(self, force: Callable[[], bool]) -> None:
        """Leave no process and no port, at the latest when every grace has passed."""
        for server in self._sockets.values():
            server.close()
        for name in STOP_TOGETHER:
            if name in self._children:
                self._children[name].ask_to_stop()
        for name in STOP_ORDER:
            if name in self._children:
                self._children[name].stop(force)
        self._kin.kill()
        if self.plan.postgres is not None:
            self.plan.postgres.tidy()

    def _claim_ports(self) -> None:
        self._sockets["gateway"] = plan.claim(self.plan.port, "DOCUSNAP_PORT")
        self._sockets["worker"] = plan.claim(0, "")
        if not self.plan.external_store:
            plan.claim(self.plan.s3_port, "DOCUSNAP_S3_PORT").close()  # the store opens it by itself
        self.plan = plan.with_worker(self.plan, f"http://127.0.0.1:{self._sockets['worker'].getsockname()[1]}/")

    def _set_up_data(self) -> dict[str, Child]:
        """Begin what only a first start needs: the database's and the store's files, both at once."""
        begun = {}
        if self.plan.postgres is not None:
            self.plan.postgres.prepare()
            if not self.plan.postgres.initialised:
                begun["initdb"] = self._run(self.plan.postgres.initdb(self._environ("database")), keep=False)
        if not self.plan.external_store:
            store = self._juicefs()
            store.prepare()
            if not store.formatted:
                begun["format"] = self._run(store.format(self._environ("store")), keep=False)
        return begun

    def _start_store(self, begun: dict[str, Child]) -> None:
        if self.plan.external_store:
            return
        store = self._juicefs()
        if "format" in begun:
            _finish(begun["format"])
            store.adopt()
        origins = ",".join([self.plan.url, f"http://localhost:{self.plan.port}", *self.plan.settings.cors_origins])
        environ = objects.environment(self._environ("store"), f"{self.plan.url}/events/s3", origins)
        self._run(store.gateway(environ))

    def _start_database(self, begun: dict[str, Child]) -> None:
        """Returns when it takes connections."""
        if self.plan.postgres is None:
            return await_external(self.plan.settings.database_url, PATIENCE, say)
        if "initdb" in begun:
            _finish(begun["initdb"])
            self.plan.postgres.adopt()
        child = self._run(self.plan.postgres.server(self._environ("database")))
        return await_embedded(self.plan.postgres, lambda: child.status() is None, START_SECONDS)

    def _provision_store(self) -> None:
        """The bucket on any store, its notification on the embedded one; returns when the store answers."""
        from docusnap.adapters.provision.minio import Provisioner  # noqa: PLC0415  0.2 s that pass while the other parts start

        store = Provisioner(self.plan.settings)
        self._patiently(store.ensure_bucket)
        if not self.plan.external_store:
            self._patiently(store.notify_webhook)

    def _patiently(self, call: Callable[[], object]) -> None:
        began, said = time.monotonic(), self.plan.external_store is False
        while True:
            try:
                call()
                return
            except (StoreDenied, ConfigurationError) as exc:
                raise CannotStart(exc.detail) from exc
            except StoreUnavailable as exc:
                self._check_alive()
                if time.monotonic() - began > PATIENCE:
                    raise CannotStart(f"{exc.detail} Start it, or correct S3_ENDPOINT_URL.") from exc
            if not said and time.monotonic() - began > 1:
                said = True
                say(f"  waiting up to {PATIENCE:.0f} s for the store at {self.plan.settings.s3_endpoint_url} …")
            time.sleep(0.03 if not self.plan.external_store else 0.5)

    def _check_alive(self) -> None:
        for name, child in self._children.items():
            if child.status() is not None:
                raise CannotStart(f"The {name} did not start; its log is {child.program.log}.")

    def _run(self, program: Program, *, keep: bool = True) -> Child:
        child = Child(program, self._kin)
        child.start()
        if keep:
            self._children[program.name] = child
        return child

    def _environ(self, part: str) -> dict[str, str]:
        return plan.part_environ(self.plan, part)

    def _juicefs(self) -> Juicefs:
        return Juicefs.of(self.plan.home, self.plan.s3_port)

    def _database_name(self) -> str:
        where = "on a socket" if self.plan.postgres else "external"
        return f"PostgreSQL {server_version(self.plan.settings.database_url)}, {where}"

    def _note(self, text: str) -> None:
        say(f"  {text}")


def _gunicorn(decided: Plan, part: str, server: socket.socket, *, threads: int) -> Program:
    """One gunicorn on an inherited socket: requests that come while it starts again wait, and are not refused."""
    workers, grace = ("2", 2) if part == "gateway" else ("1", 4)
    bind = ("--bind", f"fd://{server.fileno()}", "--workers", workers, "--threads", str(threads), "--graceful-timeout", str(grace))
    argv = (sys.executable, *GUNICORN, *CONFIG, *bind, APPS[part])
    log = decided.home.logs / f"{part}.log"
    niceness = GIVES_WAY if part == "worker" else 0
    return Program(part, argv, plan.part_environ(decided, part), log, fds=(server.fileno(),), grace=grace + 1, niceness=niceness)


def _python(decided: Plan, part: str, module: str) -> Program:
    return Program(part, (sys.executable, "-m", module), plan.part_environ(decided, part), decided.home.logs / f"{part}.log", grace=1)


def _finish(child: Child) -> None:
    """Wait for a program that ends by itself."""
    while (status := child.status()) is None:
        time.sleep(0.01)
    if status:
        raise CannotStart(f"{child.program.argv[0]} failed; its log is {child.program.log}.")


def _empty(folder: os.PathLike[str]) -> None:
    for name in os.scandir(folder):
        if name.is_dir(follow_symlinks=False):
            shutil.rmtree(name.path, ignore_errors=True)
        else:
            os.unlink(name.path)  # noqa: PTH108  a DirEntry
