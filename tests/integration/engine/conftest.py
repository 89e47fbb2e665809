"""One engine for all tests of this folder, on the real models, and the pages that benchmarks/draw_test_pages.py drew."""

from tests.support.engine import *  # noqa: F403
