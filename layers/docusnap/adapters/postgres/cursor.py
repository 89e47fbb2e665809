"""Cursors of lists: opaque to clients, checked when they come back."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from docusnap.adapters.postgres.views import check_id
from docusnap.errors import DocumentNotFound, InvalidCursor


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list goes on: after this document."""

    created_at: datetime
    document_id: str

    def token(self) -> str:
        text = json.dumps([self.created_at.isoformat(), self.document_id])
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def of(cls, token: str) -> Self:
        """Raises: InvalidCursor."""
        try:
            created_at, document_id = json.loads(base64.urlsafe_b64decode(token.encode("ascii") + b"=="))
            place = cls(datetime.fromisoformat(created_at), document_id)
            check_id(document_id)
        except (ValueError, TypeError, RecursionError, DocumentNotFound) as exc:
            raise InvalidCursor from exc
        if place.created_at.tzinfo is None:
            raise InvalidCursor
        return place
