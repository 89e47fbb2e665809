"""The ledger under load, on the real embedded stack with an engine that costs nothing; each aim is judged."""
