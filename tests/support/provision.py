"""`docusnap provision` as an operator runs it, and an upload as a client sends it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

PROGRAM = Path(sys.executable).with_name("docusnap")
NOTHING = "Nothing to change."


def provision(environ: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Without DATABASE_URL and without anything else of this process's environment but its PATH."""
    full = {"PATH": os.environ["PATH"], **environ}
    return subprocess.run([PROGRAM, "provision", *words], env=full, capture_output=True, text=True, timeout=120, check=False)


def provisioned(environ: Mapping[str, str], *words: str) -> str:
    """What it says where it succeeds."""
    done = provision(environ, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def upload(s3: Any, bucket: str, key: str) -> None:
    """By a presigned PUT."""
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": key, "ContentType": "image/png"}, ExpiresIn=60)
    requests.put(url, data=b"a picture", headers={"Content-Type": "image/png"}, timeout=30).raise_for_status()
