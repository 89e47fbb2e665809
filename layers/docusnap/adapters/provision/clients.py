"""boto3's clients for preparing a store, and the meaning of what they raise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, ParamValidationError, PartialCredentialsError

from docusnap.adapters.aws_session import new_session
from docusnap.adapters.s3 import AWS, LOOPBACK
from docusnap.errors import ConfigurationError, StoreDenied, StoreUnavailable
from docusnap.settings import Settings

WRONG_KEYS = {
    *("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidClientTokenId", "UnrecognizedClientException"),
    *("AuthFailure", "ExpiredToken", "InvalidToken", "TokenRefreshRequired"),
}


def region_of(settings: Settings) -> str:
    """The one in AWS's own addresses, else S3_REGION."""
    aws = AWS.search(urlsplit(settings.s3_endpoint_url).hostname or "")
    return (aws and aws["region"]) or settings.s3_region


def client(settings: Settings, service: str) -> Any:
    """`s3`, `sqs`, `sns` or `sts` of one store: AWS has a host for each, other stores answer all on one."""
    host = urlsplit(settings.s3_endpoint_url).hostname or ""
    aws = AWS.search(host)
    s3 = service == "s3"
    config = Config(
        signature_version="s3v4" if s3 else None,
        s3={"addressing_style": "virtual" if aws else "path"},
        proxies={} if host in LOOPBACK else None,
        connect_timeout=5,
        read_timeout=30,
        retries={"max_attempts": 2},
    )
    return new_session().client(
        service,
        endpoint_url=settings.s3_endpoint_url if s3 or not aws else None,
        region_name=region_of(settings),
        aws_access_key_id=settings.aws_access_key_id,
        aws_secret_access_key=settings.aws_secret_access_key,
        aws_session_token=settings.aws_session_token,
        config=config,
    )


@contextmanager
def translated(settings: Settings, doing: str) -> Iterator[None]:
    """Vendor errors as ours; `doing` is what was asked of the store, in words."""
    where = settings.s3_endpoint_url
    try:
        yield
    except ClientError as exc:
        code = code_of(exc)
        if code in WRONG_KEYS:
            raise StoreDenied(f"The store at {where} does not take these keys ({code}).") from exc
        if status_of(exc) in {401, 403}:
            raise StoreDenied(f"The store at {where} does not let these keys {doing} ({code}).") from exc
        raise StoreUnavailable(f"The store at {where} answers {code} where it is to {doing}: {message_of(exc)}") from exc
    except (NoCredentialsError, PartialCredentialsError) as exc:
        raise ConfigurationError(f"No keys for the store at {where}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.") from exc
    except ParamValidationError as exc:
        raise ConfigurationError(f"S3_BUCKET or --queue: {' '.join(str(exc).split())}") from exc
    except BotoCoreError as exc:
        raise StoreUnavailable(f"The store at {where} does not answer.") from exc
    except ValueError as exc:  # boto3 refuses the address
        raise ConfigurationError(f"S3_ENDPOINT_URL: {exc}.") from exc


def code_of(exc: ClientError) -> str:
    return str(exc.response.get("Error", {}).get("Code", ""))


def message_of(exc: ClientError) -> str:
    return str(exc.response.get("Error", {}).get("Message") or "it does not say why.")


def status_of(exc: ClientError) -> int:
    return int(exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
