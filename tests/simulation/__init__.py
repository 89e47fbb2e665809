"""A seeded simulator: the real ledger code on a real PostgreSQL, its time and its disasters out of one seed. See README.md."""
