"""What stops `docusnap up` from starting, said in one sentence."""


class CannotStart(Exception):
    """Its message is all that the user is shown; no code, for it never leaves this machine's terminal."""
