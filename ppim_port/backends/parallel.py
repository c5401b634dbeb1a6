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

import numpy as np

from ppim_port.state_dict import Array


def each_picture(forward: Callable[[Array], Array], images: Array) -> Array:
    """Apply `forward` to each picture, `[1, 3, H, W]` to `[1, classes]`.

    Args:
        forward: must be safe to call from several threads.
        images: `[N, 3, H, W]`.

    Returns:
        `[N, classes]`, in the order of the pictures.
    """
    workers = min(len(images), os.cpu_count() or 1)
    with ThreadPoolExecutor(max(workers, 1), thread_name_prefix="predict") as pool:
        return np.concatenate(list(pool.map(forward, images[:, np.newaxis])))
