"""Which server and key, or which database, a command speaks to."""

from __future__ import annotations

from collections.abc import Mapping

from docusnap import settings
from docusnap.client import Client
from docusnap.hosts.embedded.home import Home, read_line


class NoServer(Exception):
    """There is no server, key or database to speak to; the message says what to set."""


def server(environ: Mapping[str, str], connections: int = 4) -> Client:
    """The server of DOCUSNAP_URL, else the one that runs on this home.

    Raises: NoServer.
    """
    home = Home.of(environ)
    url = environ.get("DOCUSNAP_URL") or _local(home)
    if not url.startswith(("http://", "https://")):
        raise NoServer(f"DOCUSNAP_URL: {url!r} is not a URL http(s)://host:port.")
    return Client(url, _key(home, environ), connections=connections)


def _local(home: Home) -> str:
    running = home.running()
    if running is None:
        raise NoServer(f"No DocuSnap is running on {home.path}; start it with make run, or set DOCUSNAP_URL and DOCUSNAP_API_KEY.")
    return str(running["url"])


def _key(home: Home, environ: Mapping[str, str]) -> str:
    problems: list[str] = []
    key = settings.secret("DOCUSNAP_API_KEY", environ, problems)
    if problems:
        raise NoServer(" ".join(problems))
    key = key or (None if environ.get("DOCUSNAP_URL") else read_line(home.api_key))
    if not key:
        raise NoServer("There is no API key; set DOCUSNAP_API_KEY, or DOCUSNAP_API_KEY_FILE to a file that holds it.")
    return key


def database_url(environ: Mapping[str, str]) -> str:
    """DATABASE_URL as `postgresql+psycopg2://…`, else the database of the stack that runs on this home.

    Raises: NoServer, ConfigurationError.
    """
    given = settings.database_url(environ)
    if given is not None:
        return given
    home = Home.of(environ)
    running = home.running()
    if running is None:
        raise NoServer(f"No DocuSnap is running on {home.path}; start it with make run, or set DATABASE_URL.")
    if running["database_url"] is None:
        raise NoServer("The DocuSnap that runs here has a database of its operator's; set DATABASE_URL as it was started with.")
    return settings.database_url({"DATABASE_URL": running["database_url"]}) or ""
