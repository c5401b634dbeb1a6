"""What every test has: quick garbage collection, and no deadline for an example.

A scored run collects garbage twice. With three frameworks and six thousand tests in
memory each time takes most of a second, longer than scoring a few small pictures.
"""

from __future__ import annotations

import gc

import pytest
from hypothesis import settings

# Hypothesis' 200 ms are too few where other tests have the cores.
settings.register_profile("ppim", deadline=None)
settings.load_profile("ppim")


@pytest.fixture(scope="module", autouse=True)
def _quick_garbage_collection() -> None:
    """Whatever is there already stays, unless nobody refers to it any more."""
    gc.collect()
    gc.freeze()
