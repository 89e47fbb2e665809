"""DocuSnap: self-hosted, event-driven document OCR."""

__version__ = "0.1.0"
