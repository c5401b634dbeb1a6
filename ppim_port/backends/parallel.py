"""A forward pass a picture, on as many threads as there are cores.

Each picture goes through the net by itself, so its logits are the same bits in every
batch and on every number of cores; the kernels that a framework picks depend on the
batch. On a CPU this is also the faster way: one picture's activations stay in the
cache, and pictures side by side scale better than the threads inside of one operator.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np

from ppim_port.state_dict import Array


@cache
def pool(initializer: Callable[[], None] | None = None) -> ThreadPoolExecutor:
    """A thread a core, kept for good: new threads would fault their memory in anew.

    Args:
        initializer: run once in each thread.
    """
    return ThreadPoolExecutor(
        os.cpu_count(), thread_name_prefix="predict", initializer=initializer
    )


if hasattr(os, "register_at_fork"):  # Windows has no fork.
    # A forked child gets the pool without its threads and would wait for them forever.
    os.register_at_fork(after_in_child=pool.cache_clear)


def each_picture(
    forward: Callable[[Array], Array], images: Array, threads: ThreadPoolExecutor
) -> Array:
    """Apply `forward` to each picture, `[1, 3, H, W]` to `[1, classes]`.

    Args:
        forward: must be safe to call from several threads.
        images: `[N, 3, H, W]`.
        threads: who does it.

    Returns:
        `[N, classes]`, in the order of the pictures.
    """
    return np.concatenate(list(threads.map(forward, images[:, np.newaxis])))
