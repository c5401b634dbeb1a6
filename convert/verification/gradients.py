"""Hold two nets' float64 gradients against each other.

Of one fixed scalar, the logits weighed by noise, with respect to every parameter and to
the picture: whoever goes on training a port needs its backward pass to be right too,
and a backward pass can be wrong where every logit is right.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from convert.verification.numbers import worst
from convert.verification.records import Finding
from ppim_port.backends import Backend
from ppim_port.mapping import Fate, turned
from ppim_port.state_dict import Array, StateDict

INPUT = "input"


def gradients_of(net: tuple[Backend, Any], images: Array, classes: int) -> StateDict:
    """Gradients of the fixed scalar, see `Backend.gradients`.

    Args:
        net: a backend and its float64 net.
        images: float64 `[N, 3, H, W]`.
        classes: how many logits the net gives.
    """
    backend, model = net
    weights = np.random.default_rng(0).standard_normal((len(images), classes))
    return backend.gradients(model, images, weights)


def carried(found: StateDict, fates: tuple[Fate, ...]) -> StateDict:
    """The source's gradients under the target's keys: they move as their tensors do."""
    moved = {INPUT: found[INPUT]}
    for fate in fates:
        if fate.source in found and fate.target is not None:
            moved[fate.target] = turned(found[fate.source], fate.action, fate.axes)
    return moved


def unlike_gradients(
    expected: Mapping[str, Array], found: Mapping[str, Array], tolerance: float
) -> tuple[list[Finding], str, float]:
    """Findings, and the key that differs most with its difference.

    Args:
        expected: the source's gradients under the target's keys.
        found: the target's own.
        tolerance: differences up to this, of a tensor's largest, are noise.
    """
    key, apart = worst(expected, found)
    findings = []
    for stray in sorted(found.keys() ^ expected.keys()):
        text = f"{stray} has a gradient in one of the nets alone"
        findings.append(Finding("gradients", text))
    if not apart <= tolerance:
        text = f"that of {key} differs by {apart:.3g} of its largest number"
        findings.append(Finding("gradients", text))
    return findings, key, apart
