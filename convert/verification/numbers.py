"""How far two sets of numbers are apart, so that NaN is far from everything."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ppim_port.state_dict import Array


def relative_difference(reference: Array, other: Array) -> float:
    """Largest difference of a logit, relative to the largest logit of its row.

    Args:
        reference: `[N, classes]`.
        other: `[N, classes]`.

    Returns:
        NaN if anything is not finite, shapes differ, or a row is all zeros, which would
        prove nothing, so that no comparison with it succeeds.
    """
    if reference.shape != other.shape:
        return float("nan")
    scale = np.abs(reference).max(axis=1)
    finite = np.isfinite(reference).all() and np.isfinite(other).all()
    if not (finite and scale.all()):
        return float("nan")
    return float((np.abs(reference - other).max(axis=1) / scale).max())


def difference_of_whole(reference: Array, other: Array) -> float:
    """Largest difference, relative to the largest number of the whole array.

    Args:
        reference: of any shape.
        other: of the same shape.

    Returns:
        NaN if anything is not finite, shapes differ, or only the reference is zero
        everywhere; 0 if both are.
    """
    if reference.shape != other.shape:
        return float("nan")
    if not (np.isfinite(reference).all() and np.isfinite(other).all()):
        return float("nan")
    largest = np.abs(reference).max(initial=0)
    apart = np.abs(reference - other).max(initial=0)
    if largest == 0:
        return 0.0 if apart == 0 else float("nan")
    return float(apart / largest)


def worst(
    reference: Mapping[str, Array], other: Mapping[str, Array]
) -> tuple[str, float]:
    """The key that differs most, and by how much; one that differs by NaN first."""
    differences = {
        key: difference_of_whole(value, other[key]) if key in other else float("nan")
        for key, value in reference.items()
    }

    def rank(key: str) -> float:
        return float("inf") if np.isnan(differences[key]) else differences[key]

    key = max(differences, key=rank)
    return key, differences[key]
