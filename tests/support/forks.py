"""What a function returns in a forked child, which must not wait for lost threads."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable

import numpy as np
import pytest

from ppim_port.state_dict import Array

needs_fork = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="this system has no fork"
)
# Python 3.12 and later warn of the very thing that is tested.
ignores_threads = pytest.mark.filterwarnings(
    "ignore:This process .* is multi-threaded:DeprecationWarning"
)
PATIENCE = 60


def in_a_fork(make: Callable[[], Array]) -> Array:
    """An array that a child makes; a child that hangs is ended and fails the test."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=lambda: theirs.send(make()))
    process.start()
    theirs.close()
    try:
        assert ours.poll(PATIENCE), "the child hangs"
        found: Array = np.asarray(ours.recv())
    finally:
        process.kill()
        process.join()
    return found
