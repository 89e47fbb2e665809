"""Where the suite runs: a function as a bare process or in a container, alone or behind what stands for a platform."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import requests
from docusnap import __version__

from tests.conformance.target import Target
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
IMAGE = "localhost/docusnap-{target}:" + __version__  # as infra/images/build names them
GUNICORN = (sys.executable, "-m", "gunicorn", "--config", "python:docusnap.hosts.gunicorn_conf")

Environ = Mapping[str, str]
Command = tuple[list[str], dict[str, str]]  # and its environment
Launcher = Callable[[Environ], Command]


def process(environ: Environ, app: str = "docusnap.hosts.function:app") -> Command:
    """The command of the image, without a container around it, and with the shell's PATH."""
    return [*GUNICORN, app], {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{ROOT}/layers", **environ}


def container(environ: Environ) -> Command:
    """The image by podman, as a platform would run it: read-only, not root, without capabilities; /tmp is all it may write.

    `podman run` passes signals on, and ends with the container's status. A database's socket is brought in, where that is its address.
    """
    image = IMAGE.format(target="ocr" if environ.get("FUNCTION") == "ocr" else "functions")
    given = [part for name, value in environ.items() for part in ("--env", f"{name}={value}")]
    folder = unquote(environ.get("DATABASE_URL", "").partition("?host=")[2])
    mounted = ["--volume", f"{folder}:{folder}"] if folder else []
    # Without the image's health check, of which podman complains in the function's log where there is no systemd.
    limits = ["--no-healthcheck", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "all", "--network", "host"]  # noqa: S108  the container's own
    return ["podman", "run", "--rm", "--name", f"docusnap-conformance-{environ['PORT']}", *limits, *mounted, *given, image], dict(
        os.environ
    )


@dataclass(frozen=True, slots=True)
class Front:
    """What the platform's operator sets; None leaves it to the function."""

    seconds: float | None = None  # after which the platform gives a call up
    at_once: int | None = None  # how many calls the platform lets through
    cut: bool = False  # OpenFaaS: write_timeout = exec_timeout, which cuts the connection
    gateway_seconds: float = 60.0  # OpenFaaS: the gateway's own patience


USUAL = Front()


@dataclass(frozen=True, slots=True)
class Home:
    """A launcher, and what stands before it: nothing, OpenFaaS, or Knative's queue-proxy."""

    name: str
    front: str = "bare"
    launch: Launcher = process
    extra: Environ = field(default_factory=dict)  # set whatever a check sets: what makes a bad server bad

    @contextmanager
    def serve(self, environ: Environ, folder: Path, front: Front = USUAL) -> Iterator[Target]:
        """Start it, wait until it answers, and end whatever a check left running."""
        with ExitStack() as running, (folder / "log").open("ab") as log:
            target = FRONTS[self.front](Started(running, log, folder / "log", self, environ), front)
            target.await_start()
            yield target
            if not target.stopped:
                target.terminate()

    def run(self, environ: Environ, seconds: float = 20) -> tuple[int, str]:
        """A start that should fail: its exit status and what it wrote. Raises: subprocess.TimeoutExpired."""
        command, variables = self.launch({"HOST": "127.0.0.1", "PORT": str(free_port()), **environ, **self.extra})
        ran = subprocess.run(command, env=variables, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False)
        return ran.returncode, ran.stdout + ran.stderr


@dataclass(frozen=True, slots=True)
class Started:
    """What is being started, in the order in which it is ended again."""

    running: ExitStack
    out: object
    log: Path
    home: Home
    environ: Environ

    def function(self, port: int) -> Command:
        if self.home.launch is container:
            self.running.callback(_remove, port)
        return self.home.launch({"HOST": "127.0.0.1", **self.environ, **self.home.extra, "PORT": str(port)})

    def start(self, command: list[str], environ: Environ) -> subprocess.Popen[bytes]:
        started = subprocess.Popen(command, env=dict(environ), cwd=ROOT, stdout=self.out, stderr=self.out)  # type: ignore[call-overload]
        self.running.callback(_end, started)
        return started

    def double(self, name: str, **environ: object) -> subprocess.Popen[bytes]:
        variables = {key: str(value) for key, value in environ.items() if value is not None}
        command = [sys.executable, "-m", f"tests.conformance.doubles.{name}"]
        return self.start(command, {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT}/layers", **variables})


def _end(started: subprocess.Popen[bytes]) -> None:
    if started.poll() is None:
        started.terminate()
    try:
        started.wait(timeout=15)
    except subprocess.TimeoutExpired:
        started.kill()
        started.wait()


def _remove(port: int) -> None:
    """Where podman's client was killed, here or by a double, its container lives on."""
    subprocess.run(["podman", "rm", "--force", "--time", "0", "--ignore", f"docusnap-conformance-{port}"], check=True, capture_output=True)


def _bare(started: Started, front: Front) -> Target:
    port = free_port()
    function = started.start(*started.function(port))
    url = f"http://127.0.0.1:{port}"
    return Target(url, url, url, {}, (function,), function.terminate, started.log)


def _openfaas(started: Started, front: Front) -> Target:
    """The gateway before of-watchdog before the function, which is of-watchdog's child."""
    gateway, watchdog, port = free_port(), free_port(), free_port()
    command, environ = started.function(port)
    seconds = front.seconds or 50
    inner = started.double(
        "watchdog",
        **environ,
        fprocess=shlex.join(command),
        upstream_url=f"http://127.0.0.1:{port}",
        port=watchdog,
        exec_timeout=seconds,
        write_timeout=seconds if front.cut else seconds + 1,
        healthcheck_interval=1,
        max_inflight=front.at_once,
        ready_path="/_/ready",
    )
    outer = started.double("gateway", upstream_url=f"http://127.0.0.1:{watchdog}", port=gateway, upstream_timeout=front.gateway_seconds)
    del outer  # it outlives the function, as OpenFaaS's own does
    inside, before = f"http://127.0.0.1:{watchdog}", f"http://127.0.0.1:{gateway}/function/{started.environ['FUNCTION']}"
    return Target(before, f"http://127.0.0.1:{port}", inside, {}, (inner,), inner.terminate, started.log)


def _knative(started: Started, front: Front) -> Target:
    """The queue-proxy beside the function. Kubernetes ends both at once, the function after its preStop hook, which waits for the drain."""
    before, admin, port = free_port(), free_port(), free_port()
    function = started.start(*started.function(port))
    proxy = started.double(
        "queue_proxy",
        CONTAINER_CONCURRENCY=front.at_once,
        REVISION_TIMEOUT_SECONDS=front.seconds or 60,
        USER_PORT=port,
        QUEUE_SERVING_PORT=before,
        ADMIN_PORT=admin,
        QUIET_SECONDS=1,
    )

    def terminate() -> None:
        def hook() -> None:
            with suppress(requests.ConnectionError):  # Kubernetes goes on where a hook fails
                requests.get(f"http://127.0.0.1:{admin}/wait-for-drain", timeout=60)
            function.send_signal(signal.SIGTERM)

        threading.Thread(target=hook, daemon=True).start()
        proxy.terminate()

    url = f"http://127.0.0.1:{before}"
    return Target(url, f"http://127.0.0.1:{port}", url, KUBELET, (proxy, function), terminate, started.log)


KUBELET = {"/_/ready": {"K-Network-Probe": "queue"}, "/_/health": {"K-Kubelet-Probe": "queue"}}  # what it sends to queue-proxy
FRONTS = {"bare": _bare, "openfaas": _openfaas, "knative": _knative}
HOMES = {
    home.name: home
    for home in (
        Home("process"),
        Home("process behind of-watchdog", "openfaas"),
        Home("process behind queue-proxy", "knative"),
        Home("container", launch=container),
        Home("container behind of-watchdog", "openfaas", container),
        Home("container behind queue-proxy", "knative", container),
    )
}
