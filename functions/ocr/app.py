"""The `ocr` function: works until nothing is due or its time is up."""

from docusnap.api.ocr import create_handler
from docusnap.bootstrap import parts

handler = create_handler(parts)
