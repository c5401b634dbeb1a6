"""What the checks see and what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from ppim_port.backends.layers import Layers
from ppim_port.state_dict import Array

Check: TypeAlias = Literal[
    "values", "returned", "fit", "loaded", "settings", "logits", "gradients"
]
CHECKS: tuple[Check, ...] = get_args(Check)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it must be.

    Attributes:
        check: who saw it:
            "values" finite, and no variance below zero;
            "returned" the inverse map gives the source's tensors back, bit for bit;
            "fit" the target's net takes exactly these keys, shapes and dtypes;
            "loaded" the built net holds what was to be loaded, bit for bit;
            "settings" both live nets are set alike, layer by layer;
            "logits" the float64 logits agree;
            "gradients" the float64 gradients agree.
        text: what, where, and by how much.
    """

    check: Check
    text: str


@dataclass(frozen=True, slots=True)
class Observed:
    """What one framework's nets said about a state dict.

    Attributes:
        framework: its name and version.
        layers: how the live net is set.
        unlike: findings about what the net holds, read back out of it.
        held: sha256 over all that it holds.
        tensors: how many tensors it holds.
        logits: float64, `[N, classes]`.
        float32: logits of the float32 net, for the noise floor.
    """

    framework: str
    layers: Layers
    unlike: tuple[Finding, ...]
    held: str
    tensors: int
    logits: Array
    float32: Array
