"""What every test has: a garbage collector that passes over what the session holds.

A scored run collects garbage twice. With three frameworks and six thousand tests in
memory each time takes most of a second, longer than scoring a few small pictures.
"""

from __future__ import annotations

import gc

import pytest


@pytest.fixture(scope="module", autouse=True)
def _quick_garbage_collection() -> None:
    """Whatever is there already stays, unless nobody refers to it any more."""
    gc.collect()
    gc.freeze()
