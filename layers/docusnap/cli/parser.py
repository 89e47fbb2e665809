"""The commands and what they take. Nothing heavy is imported before a command is known."""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Callable, Mapping, Sequence

from docusnap import __version__

Options = argparse.Namespace
Command = Callable[[Options, Mapping[str, str]], int]
HTTP = "Speaks HTTP to DOCUSNAP_URL with DOCUSNAP_API_KEY, else to the stack that runs here."
DATABASE = "Uses DATABASE_URL, else the stack that runs here."


def parse(argv: Sequence[str]) -> Options:
    """Options with `run`, the command itself. Ends the process with status 2 on a usage error."""
    parser = argparse.ArgumentParser(prog="docusnap", description="Self-hosted, event-driven document OCR.")
    parser.add_argument("--version", action="version", version=f"docusnap {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _system_commands(commands)
    _document_commands(commands)
    return parser.parse_args(argv)


def _system_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    up = _command(commands, "up", "up:run", "start everything here and serve until Ctrl-C")
    up.add_argument("file", nargs="?", help="a file to recognise at once")
    _command(commands, "migrate", "admin:migrate", "bring the database's schema up to date", DATABASE)
    _command(commands, "sweep", "admin:sweep", "look once for what an event did not bring", DATABASE)
    _provision_command(commands)
    _dead_commands(commands)
    keys = _command(commands, "keys", "", "API keys", DATABASE).add_subparsers(metavar="ACTION", required=True)
    create = _command(keys, "create", "admin:create_key", "create a key (and its tenant) and print only the key")
    create.add_argument("--tenant", required=True, help="whose documents the key opens")
    create.add_argument("--scope", action="append", choices=("user", "operator"), help="may be repeated; user unless given")
    _command(keys, "list", "admin:list_keys", "list the keys, never their secrets")
    _command(keys, "revoke", "admin:revoke_key", "end the use of a key").add_argument("id")


def _dead_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    dead = _command(commands, "dead", "", "documents that ran out of their retries", DATABASE).add_subparsers(
        metavar="ACTION", required=True
    )
    listing = _command(dead, "list", "dead:listing", "list them, newest failure first", DATABASE)
    _filters(listing)
    _limits(listing)
    show = _command(dead, "show", "dead:show", "show one with its failed pages", DATABASE)
    show.add_argument("id", help="the document's id")
    _json(show, "print one JSON object")
    for name, says in (("redrive", "try what failed once more"), ("drop", "take them off the list; the documents stay as they are")):
        action = _command(dead, name, f"dead:{name}", says, DATABASE)
        action.add_argument("ids", nargs="*", metavar="ID", help="documents' ids")
        _filters(action)
        action.add_argument("--all", action="store_true", help="every dead letter of every tenant")
        action.set_defaults(refuse=action.error)


def _filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tenant", type=_name, help="only this tenant's")
    parser.add_argument("--code", type=_name, help="only those with this code of docs/errors.md")


def _provision_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    note = "Uses S3_ENDPOINT_URL, S3_BUCKET, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the other settings of the store; no database."
    provision = _command(commands, "provision", "provision:run", "prepare a store: bucket, events, CORS, lifecycle", note)
    provision.add_argument("--kind", choices=("minio", "aws", "ceph"), help="what the store is, unless it says so itself")
    provision.add_argument("--events-url", type=_url, metavar="URL", help="http(s)://host/events/s3 of DocuSnap, as the store reaches it")
    provision.add_argument("--queue", type=_queue, metavar="NAME", help="of the SQS queue, or of Ceph's topic (<bucket>-ocr)")
    provision.add_argument("--cors", nargs="+", metavar="ORIGIN", help="whose browsers may upload (CORS_ORIGINS)")
    provision.add_argument("--dry-run", action="store_true", help="say what would be changed, and change nothing")


def _document_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    ocr = _command(commands, "ocr", "ocr:run", "send files and print their text", HTTP)
    ocr.add_argument("paths", nargs="+", metavar="FILE|FOLDER", help="a folder is searched for images and PDFs")
    _json(ocr, "print one JSON object a file and line")
    ocr.add_argument("--force", action="store_true", help="recognise pixels even where a PDF has text of its own")
    ocr.add_argument("--jobs", type=_count, default=4, metavar="N", help="files on their way at once (4)")
    ocr.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="wait no longer than this for each file")
    get = _command(commands, "get", "documents:get", "show a document, or its content", HTTP)
    get.add_argument("id")
    get.add_argument("--text", action="store_true", help="its text")
    _json(get, "its content with lines and polygons")
    get.add_argument("--page", type=_count, metavar="N", help="one page only; as text unless --json")
    listing = _command(commands, "list", "documents:listing", "list documents, newest first", HTTP)
    listing.add_argument("--status", help="only those of this status")
    _limits(listing)
    search = _command(commands, "search", "documents:search", "find pages by words, phrases in quotes, or Chinese", HTTP)
    search.add_argument("query", nargs="+", metavar="QUERY")
    _limits(search)
    _command(commands, "cancel", "documents:cancel", "end the recognition of a document", HTTP).add_argument("id")
    _command(commands, "delete", "documents:delete", "delete documents", HTTP).add_argument("ids", nargs="+", metavar="ID")
    again = _command(commands, "reprocess", "documents:reprocess", "recognise a document again", HTTP)
    again.add_argument("id")
    again.add_argument("--force", action="store_true", help="recognise pixels even where a PDF has text of its own")


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, target: str, says: str, note: str = ""
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=says, description=f"{says[0].upper()}{says[1:]}. {note}")
    parser.set_defaults(run=_late(target))
    return parser


def _late(target: str) -> Command:
    """A command that is imported when it is run."""
    module, _, name = target.partition(":")

    def run(options: Options, environ: Mapping[str, str]) -> int:
        status: int = getattr(importlib.import_module(f"docusnap.cli.{module}"), name)(options, environ)
        return status

    return run


def _limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--limit", type=_count, default=20, metavar="N", help="at most so many (20)")
    parser.add_argument("--all", action="store_true", help="all of them")
    _json(parser, "print one JSON object a line")


def _json(parser: argparse.ArgumentParser, says: str) -> None:
    parser.add_argument("--json", action="store_true", help=says)


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def _name(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9_-]{1,64}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a name of lower-case letters, digits, - and _")
    return text


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value


def _url(text: str) -> str:
    if not re.fullmatch(r"https?://[^/\s]+(/\S*)?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a URL http(s)://host:port/path")
    return text.rstrip("/")


def _queue(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,75}", text):  # 80 for SQS, and five for the name of the dead letters' queue
        raise argparse.ArgumentTypeError(f"{text!r} is not a name of up to 75 letters, digits, - and _")
    return text
