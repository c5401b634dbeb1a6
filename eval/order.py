"""The order in which a run takes its pictures: by id, or at random from a seed.

The same pictures and the same seed give the same order everywhere, so that a ledger can
be resumed in it and checked against it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from eval.records import Dataset

SEED = 2012


def shuffled(dataset: Dataset, *, seed: int = SEED) -> Dataset:
    """The same samples in a random order that depends on their number and the seed."""
    order = np.random.default_rng(seed).permutation(len(dataset.samples))
    samples = tuple(dataset.samples[index] for index in order.tolist())
    return replace(dataset, samples=samples)


def in_order_of(ids: Iterable[str], seed: int | None) -> list[str]:
    """Ids as a run scores them: sorted, or in the random order of its seed."""
    known = sorted(ids)
    if seed is None:
        return known
    order = np.random.default_rng(seed).permutation(len(known))
    return [known[index] for index in order.tolist()]
