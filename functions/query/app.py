"""The `query` function: Lambda calls `app`, and so does every HTTP host."""

import os

from docusnap.api.query import create_app
from docusnap.bootstrap import parts

LAMBDA_BYTES = 6_000_000  # what Lambda can answer with

app = create_app(parts, max_response_bytes=LAMBDA_BYTES if "AWS_LAMBDA_FUNCTION_NAME" in os.environ else None)
