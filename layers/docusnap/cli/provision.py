"""`docusnap provision`: makes a store ready, by its own settings only."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping

from docusnap import settings as configuration
from docusnap.bootstrap import store_preparer
from docusnap.cli.parser import Options
from docusnap.errors import ConfigurationError, StoreDenied, StoreUnavailable
from docusnap.provision.plan import Found, Kind, Wanted
from docusnap.provision.prepare import prepare
from docusnap.settings import Settings


def run(options: Options, environ: Mapping[str, str]) -> int:
    """0 when the store is ready or this is a dry run; 1 when it refuses, or when no events will come before something else was done."""
    try:
        return _run(options, environ)
    except (ConfigurationError, StoreDenied, StoreUnavailable) as exc:  # their remedies are for those who call the API
        sys.stdout.flush()
        sys.stderr.write(f"docusnap: {exc.detail}\n")
        return 1


def _run(options: Options, environ: Mapping[str, str]) -> int:
    settings = configuration.of_store(environ)
    store, wanted = store_preparer(settings, lambda kind: _wanted(options, settings, kind), options.kind)
    found, notes = prepare(store, wanted, dry_run=options.dry_run, say=_say)
    for note in notes:
        sys.stdout.flush()
        sys.stderr.write(f"docusnap: {note.text}\n")
    if not options.dry_run:
        _say("DocuSnap needs:")
        for line in _settings(settings, wanted, found):
            _say(f"  {line}")
    return int(any(note.blocks for note in notes) and not options.dry_run)


def _wanted(options: Options, settings: Settings, kind: Kind) -> Wanted:
    return Wanted(
        kind=kind,
        bucket=settings.s3_bucket,
        queue=options.queue or f"{settings.s3_bucket.replace('.', '-')}-ocr",
        events_url=options.events_url,
        token=settings.events_token,
        origins=tuple(options.cors or settings.cors_origins),
    )


def _settings(settings: Settings, wanted: Wanted, found: Found) -> Iterator[str]:
    """What to set for DocuSnap's functions, never a secret."""
    yield f"S3_ENDPOINT_URL={settings.s3_endpoint_url}"
    yield f"S3_BUCKET={settings.s3_bucket}"
    if settings.s3_region != "us-east-1":
        yield f"S3_REGION={settings.s3_region}"
    if wanted.origins:
        yield f"CORS_ORIGINS={','.join(wanted.origins)}"
    if found.queue is not None:
        yield f"OCR_QUEUE_URL={found.queue.url}"
        yield "# and ocr called with the messages of this queue, one at a time"
    elif wanted.kind is Kind.CEPH:
        yield "EVENTS_TOKEN=<as it was set here>"
    else:
        yield "EVENTS_TOKEN=<the value of MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_OCR on the store's server>"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
