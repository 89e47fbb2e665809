"""Engines side by side on the same pages, in one run: seconds, errors, memory, start, and whether each aim is reached."""
