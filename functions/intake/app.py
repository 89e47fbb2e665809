"""The `intake` function: Lambda calls `app`, and so does every HTTP host."""

from docusnap.api.intake import create_handler
from docusnap.bootstrap import parts

app = create_handler(parts)
