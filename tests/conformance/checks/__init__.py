"""What a container of ours must do, by topic; importing a module adds its checks to the list."""

from tests.conformance.checks import bodies, callers, endings, headers, limits, probes, sizes, times

__all__ = ["bodies", "callers", "endings", "headers", "limits", "probes", "sizes", "times"]
