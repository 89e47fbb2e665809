"""Cursors of lists: opaque to clients, checked when they come back."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from docusnap.adapters.postgres.views import check_id
from docusnap.errors import DocumentNotFound, InvalidCursor
from docusnap.query import LARGEST_PAGE


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list goes on: after this document, or after this page of it."""

    created_at: datetime  # what the list is ordered by: of a dead letter, when it failed
    document_id: str
    page: int = 0  # pages count from 1; 0 in a list of documents

    def token(self) -> str:
        text = json.dumps([self.created_at.isoformat(), self.document_id, self.page])
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def of(cls, token: str) -> Self:
        """Raises: InvalidCursor."""
        try:
            created_at, document_id, page = json.loads(base64.urlsafe_b64decode(token.encode("ascii") + b"=="))
            place = cls(datetime.fromisoformat(created_at), document_id, int(page))
            check_id(document_id)
        except (ValueError, TypeError, OverflowError, RecursionError, DocumentNotFound) as exc:
            raise InvalidCursor from exc
        if place.created_at.tzinfo is None or not 0 <= place.page <= LARGEST_PAGE:
            raise InvalidCursor
        return place
