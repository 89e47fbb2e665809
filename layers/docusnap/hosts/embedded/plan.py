"""What a start will do, decided from the environment before anything is touched, and the environment of the programs."""

from __future__ import annotations

import importlib.util
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import docusnap
from docusnap import settings as configuration
from docusnap.adapters import engines
from docusnap.errors import ConfigurationError
from docusnap.hosts.embedded.database import Postgres
from docusnap.hosts.embedded.home import Home, read_line, read_values, write_private
from docusnap.hosts.embedded.processes import MARK, mark
from docusnap.hosts.embedded.trouble import CannotStart
from docusnap.settings import Settings, secret

_LOOPBACK = ("127.0.0.1", "localhost")
OF_CONTAINERS = frozenset(
    {"FUNCTION", "HOST", "PORT", "WEB_CONCURRENCY", "MAX_INFLIGHT"}
)  # what this shell has of them is not meant for us


@dataclass(frozen=True, slots=True)
class Plan:
    """One start: which parts are embedded, where they listen, and with what settings."""

    home: Home
    port: int
    s3_port: int
    postgres: Postgres | None  # None: the operator's own PostgreSQL
    external_store: bool
    code: Path  # the folder that holds functions/
    environ: Mapping[str, str]  # for every program; OCR_URL is added once its port is known
    settings: Settings

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def decide(environ: Mapping[str, str]) -> Plan:
    """Read every variable; nothing is written and nothing is started.

    Raises: CannotStart naming every variable with a bad value.
    """
    home = Home.of(environ)
    problems: list[str] = []
    port = _port("DOCUSNAP_PORT", 8080, environ, problems)
    s3_port = _port("DOCUSNAP_S3_PORT", 9000, environ, problems)
    external_store = bool(environ.get("S3_ENDPOINT_URL"))
    postgres = None if _given("DATABASE_URL", environ) else Postgres.of(home)
    ours = _provided(home, postgres, None if external_store else f"http://127.0.0.1:{s3_port}", environ, problems)
    kept = environ if external_store else _without_aws(environ)
    full = _without_proxies({**_without_files(kept), **ours, MARK: ""})
    settings = _checked(full, problems)
    return Plan(home, port, s3_port, postgres, external_store, code_folder(), full, settings)


def _given(name: str, environ: Mapping[str, str]) -> bool:
    return bool(environ.get(name) or environ.get(f"{name}_FILE"))


def _port(name: str, default: int, environ: Mapping[str, str], problems: list[str]) -> int:
    text = environ.get(name) or str(default)
    if text.isascii() and text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    problems.append(f"{name}: {text!r} is not a port from 1 to 65535.")
    return default


def _provided(
    home: Home, postgres: Postgres | None, store_url: str | None, environ: Mapping[str, str], problems: list[str]
) -> dict[str, str]:
    """What the stack itself provides, under the names by which the functions know it."""
    found = {name: value for name in configuration.SECRETS if (value := secret(name, environ, problems))}
    if postgres is not None:
        found["DATABASE_URL"] = postgres.url
    if store_url is not None:
        found = {**_without_aws(found), "S3_ENDPOINT_URL": store_url, **_store_keys(home, found, problems)}
    found.setdefault("EVENTS_TOKEN", read_line(home.events_token) or secrets.token_urlsafe(32))
    found["S3_BUCKET"] = environ.get("S3_BUCKET") or "docusnap"
    found["SCRATCH_DIR"] = environ.get("SCRATCH_DIR") or str(home.scratch)
    found["PROMETHEUS_MULTIPROC_DIR"] = str(home.metrics)
    return found


def _store_keys(home: Home, given: Mapping[str, str], problems: list[str]) -> dict[str, str]:
    """The embedded store's root key: as set, else as on the last start, else a new one."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    if len([name for name in names if name in given]) == 1:
        problems.append("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: only one of the two is set; set both or none.")
    kept = read_values(home.s3_env)
    fresh = {names[0]: secrets.token_hex(10), names[1]: secrets.token_urlsafe(30)}
    keys = {name: given.get(name) or kept.get(name) or fresh[name] for name in names}
    if len(keys[names[0]]) < 3 or len(keys[names[1]]) < 8:
        problems.append("AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY: the embedded store takes at least 3 and 8 characters.")
    return keys


def _without_files(environ: Mapping[str, str]) -> dict[str, str]:
    """Secrets reach the programs as values; their X_FILE would win over them."""
    files = {f"{name}_FILE" for name in configuration.SECRETS}
    return {name: value for name, value in environ.items() if name not in files and not name.startswith(("DOCUSNAP_API_KEY", "GUNICORN_"))}


def _without_aws(environ: Mapping[str, str]) -> dict[str, str]:
    """A developer's session, profile or endpoint belongs to a cloud: the embedded store would refuse it."""
    return {name: value for name, value in environ.items() if not name.startswith("AWS_")}


def _without_proxies(environ: dict[str, str]) -> dict[str, str]:
    """A proxy is for the world outside: what is on this machine is reached directly."""
    listed = [part for name in ("no_proxy", "NO_PROXY") for part in environ.get(name, "").split(",") if part.strip()]
    hosts = ",".join(dict.fromkeys([*listed, *_LOOPBACK]))
    return {**environ, "no_proxy": hosts, "NO_PROXY": hosts}


def _checked(environ: Mapping[str, str], problems: list[str]) -> Settings:
    try:
        settings = configuration.load(environ)
        engines.check(settings)
    except ConfigurationError as exc:
        raise CannotStart(" ".join([*problems, exc.detail])) from exc
    if problems:
        raise CannotStart(" ".join(problems))
    return settings


def code_folder() -> Path:
    """The folder that holds functions/: beside layers/ in a source tree, else the current one.

    Raises: CannotStart where there is none.
    """
    beside = Path(docusnap.__file__).resolve().parents[2]
    for folder in (beside, Path.cwd()):
        if (folder / "functions" / "sweep").is_dir():
            return folder
    if (spec := importlib.util.find_spec("functions")) and spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations))).parent
    raise CannotStart("The folder functions/ is not here; run docusnap up in DocuSnap's source folder.")


def part_environ(plan: Plan, part: str) -> dict[str, str]:
    """The environment of one program: marked as this stack's, able to import functions/, and unbuffered for its log."""
    name, _, value = mark(plan.home.path, part).partition("=")
    path = [str(plan.code), str(Path(docusnap.__file__).resolve().parents[1]), plan.environ.get("PYTHONPATH", "")]
    function = {"FUNCTION": "ocr"} if part == "worker" else {}
    inherited = {key: text for key, text in plan.environ.items() if key not in OF_CONTAINERS}
    return {**inherited, **function, name: value, "PYTHONPATH": ":".join(filter(None, path)), "PYTHONUNBUFFERED": "1"}


def with_worker(plan: Plan, url: str) -> Plan:
    """The plan once the worker's port is known."""
    environ = {**plan.environ, "OCR_URL": url}
    return replace(plan, environ=environ, settings=configuration.load(environ))


def of_running(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of the stack that runs on this home, for a command beside it; given variables hold.

    Raises: CannotStart where none is running.
    """
    home = Home.of(environ)
    if (running := home.running()) is None:
        raise CannotStart(f"No DocuSnap is running on {home.path}; start it with make run, or set DATABASE_URL.")
    ports = {"DOCUSNAP_PORT": str(running["port"]), "DOCUSNAP_S3_PORT": str(running["s3_port"])}
    bucket = read_values(home.s3_env).get("S3_BUCKET", "docusnap")
    decided = decide({"S3_BUCKET": bucket, **environ, **ports})
    return {**decided.environ, "OCR_URL": str(running["ocr_url"])}


def write_secrets(plan: Plan) -> None:
    """Write `events-token` and, for the embedded store, `s3.env`."""
    write_private(plan.home.events_token, f"{plan.environ['EVENTS_TOKEN']}\n")
    if not plan.external_store:
        names = ("S3_BUCKET", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        write_private(plan.home.s3_env, "".join(f"{name}={plan.environ[name]}\n" for name in names))


def claim(port: int, variable: str) -> socket.socket:
    """A socket bound to 127.0.0.1 (`port` 0: any free one) and handed down to the program, so that no other can take it in between.

    It does not listen yet: the store asks its webhook at its own start, and would wait for an answer where a refusal does.
    Raises: CannotStart where the port is busy, naming the variable that changes it.
    """
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind(("127.0.0.1", port))
    except OSError as exc:
        server.close()
        raise CannotStart(f"Port {port} is not free ({exc.strerror}); set {variable} to another one.") from exc
    return server
