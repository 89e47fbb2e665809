"""The CnOCR package itself behind the same port; it needs requirements/cnocr.txt."""
