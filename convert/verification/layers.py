"""Name the first layer where two nets part, in two ways.

Chained: both nets run on the same picture, and the first use of a layer whose outputs
differ is where the fault shows. Forced: each layer of the target's net alone gets what
the source's net gave to that layer, so that only layers that are themselves wrong
differ, however many came before. A container differs when something in it does, so it
is named only if none of its parts is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from convert.verification.numbers import difference_of_whole
from ppim_port.backends import Backend
from ppim_port.backends.layers import Call
from ppim_port.state_dict import Array


@dataclass(frozen=True, slots=True)
class Parting:
    """Where two nets part.

    Attributes:
        chained: first use of a layer whose outputs differ, and by how much; None if
            none does.
        forced: layers that differ when they are given the right input, in execution
            order, and by how much, relative to the largest output.
    """

    chained: tuple[str, float] | None
    forced: Mapping[str, float]


def parting(
    source: tuple[Backend, Any],
    target: tuple[Backend, Any],
    images: Array,
    *,
    tolerance: float,
) -> Parting:
    """Run both nets and compare them layer by layer.

    Args:
        source: a backend and its float64 net.
        target: likewise.
        images: float64 `[N, 3, H, W]`.
        tolerance: differences up to this are noise.
    """
    right = source[0].trace(source[1], images)
    wrong = target[0].trace(target[1], images)
    return Parting(_chained(right, wrong, tolerance), _forced(right, target, tolerance))


def _chained(
    right: Mapping[str, Call], wrong: Mapping[str, Call], tolerance: float
) -> tuple[str, float] | None:
    for use, call in right.items():
        other = wrong.get(use)
        apart = difference_of_whole(call.output, other.output) if other else np.nan
        if not apart <= tolerance:
            return use, apart
    return None


def _forced(
    right: Mapping[str, Call], target: tuple[Backend, Any], tolerance: float
) -> dict[str, float]:
    backend, net = target
    found: dict[str, float] = {}
    for call in right.values():
        apart = difference_of_whole(call.output, _output(backend, net, call))
        inside = any(name.startswith(f"{call.layer}.") for name in found)
        if not apart <= tolerance and not inside:
            found.setdefault(call.layer, apart)
    return found


def _output(backend: Backend, net: Any, call: Call) -> Array:
    try:
        return backend.run_layer(net, call.layer, call.inputs)
    except (
        Exception
    ):  # Whatever a framework says of a layer that is not there or fits not.
        return np.full(1, np.nan)
