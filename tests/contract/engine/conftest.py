"""The engine under test: `onnx`, or the one that `DOCUSNAP_TEST_ENGINE` names."""

from tests.support.engine import *  # noqa: F403
