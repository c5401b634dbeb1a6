"""A tensor in a few numbers, exactly counted and summed in float64.

Computed a run of elements at a time, so that a tensor of any size costs little
memory. Minimum, maximum, mean and deviation are those of the finite elements; what is
not finite is counted apart and never averaged away.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ppim_port.state_dict import Array

RUN = 1 << 20


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a tensor; the first four are None if nothing is finite.

    Attributes:
        minimum: of the finite elements.
        maximum: of the finite elements.
        mean: of the finite elements.
        deviation: standard deviation of the finite elements, over their number.
        zeros: elements that are 0 or -0.
        nans: elements that are not numbers.
        infinities: elements that are infinite.
    """

    minimum: float | None
    maximum: float | None
    mean: float | None
    deviation: float | None
    zeros: int
    nans: int
    infinities: int


def runs(value: Array) -> Iterator[Array]:
    """The elements in float64, in C order, at most `RUN` at a time."""
    flat = value.reshape(-1)
    for start in range(0, flat.size, RUN):
        yield flat[start : start + RUN].astype(np.float64)


def figures_of(value: Array) -> Figures:
    """The figures of a tensor of real numbers, integers or booleans."""
    low, high, total = np.inf, -np.inf, 0.0
    count = zeros = nans = infinities = 0
    for run in runs(value):
        finite = run[np.isfinite(run)]
        zeros += int(np.count_nonzero(run == 0))
        nans += int(np.count_nonzero(np.isnan(run)))
        infinities += int(np.count_nonzero(np.isinf(run)))
        count += finite.size
        if finite.size:
            low, high = min(low, finite.min()), max(high, finite.max())
            total += float(finite.sum())
    if count == 0:
        return Figures(None, None, None, None, zeros, nans, infinities)
    mean = total / count
    deviation = _deviation(value, mean, count)
    return Figures(float(low), float(high), mean, deviation, zeros, nans, infinities)


def _deviation(value: Array, mean: float, count: int) -> float:
    squares = 0.0
    for run in runs(value):
        squares += float(np.square(run[np.isfinite(run)] - mean).sum())
    return float((squares / count) ** 0.5)
