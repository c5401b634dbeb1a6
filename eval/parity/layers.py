"""The first layer whose output differs, of two traces of mirrored nets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ppim_port.state_dict import Array

# Of a layer's largest output. Rounding reaches 3e-5 inside of a RedNet-26 in float32.
LAYER_LIMIT = 1e-3


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where two nets part.

    Attributes:
        layer: dotted name, the same in both frameworks.
        difference: of its outputs, relative to the largest; infinite if they have
            different shapes or the second net has no such layer.
        before: the largest difference of any layer before it.
    """

    layer: str
    difference: float
    before: float


def first_divergence(
    first: Mapping[str, Array], second: Mapping[str, Array]
) -> Divergence | None:
    """Walk the layers in the order that they finish.

    Args:
        first: a layer's name -> its output.
        second: the same of the other net.
    """
    before = 0.0
    for layer, output in first.items():
        other = second.get(layer)
        difference = _relative(output, other) if other is not None else float("inf")
        if not difference <= LAYER_LIMIT:
            return Divergence(layer, difference, before)
        before = max(before, difference)
    return None


def _relative(first: Array, second: Array) -> float:
    if first.shape != second.shape:
        return float("inf")
    scale = max(float(np.abs(first).max(initial=0)), 1e-30)
    difference = float(np.abs(first - second).max(initial=0)) / scale
    return difference if difference == difference else float("inf")
