"""The `ocr` function on AWS Lambda: `docusnap.hosts.aws_lambda.handler` is the image's command.

The zip functions need no host: Lambda calls their `app.app` or `app.handler` itself.
"""

from __future__ import annotations

import importlib
from typing import cast

from docusnap.adapters.engine_process import EngineProcess
from docusnap.bootstrap import parts

handler = importlib.import_module("functions.ocr.app").handler

# At import on purpose: Lambda gives a new environment full speed until its first call; the models load beside that, and the decoder.
cast("EngineProcess", parts().engine).warm()
_ = parts().decoder
