"""The `upload` function: Lambda calls `app`, and so does every HTTP host."""

from docusnap.api.upload import create_app
from docusnap.bootstrap import parts

app = create_app(parts)
