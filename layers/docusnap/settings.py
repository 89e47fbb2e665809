"""One frozen object of settings from an injected environment; all problems are reported at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

from docusnap.errors import ConfigurationError

SECRETS = frozenset({"DATABASE_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "EVENTS_TOKEN", "DOCUSNAP_API_KEY"})
MOST_UPLOAD_SECONDS = 7 * 24 * 3600  # what a signature may last
DATABASE_SCHEMES = ("postgres", "postgresql", "postgresql+psycopg2")


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator may set; the name of each variable is the field's in capitals."""

    database_url: str  # postgresql+psycopg2://…, whatever of the three schemes was given
    s3_bucket: str
    s3_endpoint_url: str  # what DocuSnap itself reaches
    s3_public_endpoint_url: str  # what clients reach; used only to sign
    s3_region: str
    aws_access_key_id: str | None  # None: boto3's own chain (IAM role …)
    aws_secret_access_key: str | None
    aws_session_token: str | None
    events_token: str | None
    ocr_url: str | None  # where the HTTP waker posts
    ocr_queue_url: str | None  # the SQS queue of `ocr`, instead of OCR_URL
    ocr_engine: str  # onnx or cnocr
    ocr_model_dir: Path | None
    ocr_device: str  # auto, cpu or cuda
    cnocr_detector: str  # a name of CnOCR's zoo
    cnocr_recogniser: str
    scratch_dir: Path | None  # None: the system's temporary folder
    max_object_bytes: int
    max_pages: int
    max_megapixels: float
    page_seconds: float
    page_failures: int
    upload_url_seconds: int
    scratch_bytes: int
    max_json_bytes: int
    ocr_work_seconds: float
    ocr_fanout: int
    max_queued: int
    max_inflight: int | None  # requests a container answers at once; None: the host's own number
    cors_origins: tuple[str, ...]
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    retention_days: float | None  # None: for ever
    sns_topic_arns: tuple[str, ...]
    sweep_batch: int

    @property
    def upload_url_lifetime(self) -> timedelta:
        return timedelta(seconds=self.upload_url_seconds)


def _positive_int(text: str) -> int:
    if (value := int(text)) < 1:
        raise ValueError
    return value


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError
    return value


def _upload_seconds(text: str) -> int:
    if (value := _positive_int(text)) > MOST_UPLOAD_SECONDS:
        raise ValueError
    return value


def _device(text: str) -> str:
    if text not in ("auto", "cpu", "cuda"):
        raise ValueError
    return text


def _engine(text: str) -> str:
    if text not in ("onnx", "cnocr"):
        raise ValueError
    return text


def _model_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][\w.+-]*", text):
        raise ValueError
    return text


def _list(text: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r"[,\s]+", text) if part)


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(part) for part in _list(text))


def _http_url(text: str) -> str:
    if not re.fullmatch(r"https?://[^/\s]+(/\S*)?", text):
        raise ValueError
    return text.rstrip("/")


def _database_url(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    if scheme not in DATABASE_SCHEMES or not separator or not rest:
        raise ValueError
    return f"postgresql+psycopg2://{rest}"  # SQLAlchemy 2.1 reads a bare postgresql:// as psycopg 3


@dataclass(frozen=True, slots=True)
class _Variable:
    parse: Callable[[str], Any]
    default: str | None  # None: optional, absent means None; "!" marks one that is required
    expects: str


_SEVERAL = (_list, _networks)
_COUNT = "a whole number from 1"
_SECONDS = "a number of seconds above 0"
_VARIABLES: Mapping[str, _Variable] = {
    "database_url": _Variable(_database_url, "!", "a URL postgresql://user:password@host:port/database"),
    "s3_bucket": _Variable(str, "docusnap", "the name of a bucket"),
    "s3_endpoint_url": _Variable(_http_url, "!", "a URL http(s)://host:port"),
    "s3_public_endpoint_url": _Variable(_http_url, "", "a URL http(s)://host:port"),
    "s3_region": _Variable(str, "us-east-1", "the name of a region"),
    "aws_access_key_id": _Variable(str, None, "an access key"),
    "aws_secret_access_key": _Variable(str, None, "a secret key"),
    "aws_session_token": _Variable(str, None, "a session token"),
    "events_token": _Variable(str, None, "a secret of the store's webhook"),
    "ocr_url": _Variable(_http_url, None, "a URL http(s)://host:port/path"),
    "ocr_queue_url": _Variable(_http_url, None, "the URL of an SQS queue"),
    "ocr_engine": _Variable(_engine, "onnx", "onnx or cnocr"),
    "ocr_model_dir": _Variable(Path, None, "a folder"),
    "ocr_device": _Variable(_device, "auto", "auto, cpu or cuda"),
    "cnocr_detector": _Variable(_model_name, "multi_PP-OCRv6_det_small", "the name of a model of CnOCR's"),
    "cnocr_recogniser": _Variable(_model_name, "multi_PP-OCRv6_small", "the name of a model of CnOCR's"),
    "scratch_dir": _Variable(Path, None, "a folder"),
    "max_object_bytes": _Variable(_positive_int, str(100 * 10**6), _COUNT),
    "max_pages": _Variable(_positive_int, "1000", _COUNT),
    "max_megapixels": _Variable(_positive, "100", "a number above 0"),
    "page_seconds": _Variable(_positive, "60", _SECONDS),
    "page_failures": _Variable(_positive_int, "3", _COUNT),
    "upload_url_seconds": _Variable(_upload_seconds, "900", "a whole number from 1 to 604800"),
    "scratch_bytes": _Variable(_positive_int, str(512 * 10**6), _COUNT),
    "max_json_bytes": _Variable(_positive_int, str(10**6), _COUNT),
    "ocr_work_seconds": _Variable(_positive, "50", _SECONDS),
    "ocr_fanout": _Variable(_positive_int, "4", _COUNT),
    "max_queued": _Variable(_positive_int, "100000", _COUNT),
    "max_inflight": _Variable(_positive_int, None, _COUNT),
    "cors_origins": _Variable(_list, "", "origins, separated by commas"),
    "trusted_proxies": _Variable(_networks, "", "addresses or networks, separated by commas"),
    "retention_days": _Variable(_positive, None, "a number of days above 0"),
    "sns_topic_arns": _Variable(_list, "", "topic ARNs, separated by commas"),
    "sweep_batch": _Variable(_positive_int, "1000", _COUNT),
}


def load(environ: Mapping[str, str]) -> Settings:
    """Read every setting; a variable X that is a secret may be given as X_FILE, the path of a file that holds it.

    Raises: ConfigurationError, naming every variable that is missing or has a bad value.
    """
    problems: list[str] = []
    values = {name: _read(name, variable, environ, problems) for name, variable in _VARIABLES.items()}
    if values["ocr_url"] and values["ocr_queue_url"]:
        problems.append("OCR_URL and OCR_QUEUE_URL are both set: wakes go to one of them.")
    if problems:
        raise ConfigurationError(" ".join(problems))
    values["s3_public_endpoint_url"] = values["s3_public_endpoint_url"] or values["s3_endpoint_url"]
    return Settings(**values)


def of_store(environ: Mapping[str, str]) -> Settings:
    """Settings for what needs a store and no database; DATABASE_URL is neither asked for nor looked at.

    Raises: ConfigurationError.
    """
    others = {name: value for name, value in environ.items() if not name.startswith("DATABASE_URL")}
    return replace(load({**others, "DATABASE_URL": "postgresql://none"}), database_url="")


def _read(name: str, variable: _Variable, environ: Mapping[str, str], problems: list[str]) -> Any:
    key = name.upper()
    text = secret(key, environ, problems) if key in SECRETS else environ.get(key)
    if not text:
        if variable.default == "!":
            problems.append(f"{key} is not set: it takes {variable.expects}.")
            return None
        if not variable.default:
            return () if variable.parse in _SEVERAL else None
        text = variable.default
    try:
        return variable.parse(text)
    except ValueError:
        shown = "the value given" if key in SECRETS else repr(text)
        problems.append(f"{key}: {shown} is not {variable.expects}.")
        return None


def database_url(environ: Mapping[str, str]) -> str | None:
    """DATABASE_URL alone, for commands that need no store; None where it is not set.

    Raises: ConfigurationError.
    """
    found: str | None = alone("database_url", environ)
    return found


def alone(name: str, environ: Mapping[str, str]) -> Any:
    """One setting, as `load` reads it, without a look at the others; None where it is not set and has no default.

    Raises: ConfigurationError.
    """
    problems: list[str] = []
    variable = _VARIABLES[name]
    found = _read(name, replace(variable, default=None) if variable.default == "!" else variable, environ, problems)
    if problems:
        raise ConfigurationError(" ".join(problems))
    return found


def secret(key: str, environ: Mapping[str, str], problems: list[str]) -> str | None:
    """The value of X, or the content of the file that X_FILE names, without its line end."""
    if path := environ.get(f"{key}_FILE"):
        try:
            return Path(path).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as exc:
            problems.append(f"{key}_FILE: {path} cannot be read ({exc}).")
    return environ.get(key)
