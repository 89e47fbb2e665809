"""Pages with exact truth: what stands on them, in which order it is read, and where. Drawn from a seed, with Debian's fonts."""
