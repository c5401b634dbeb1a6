"""Refuse values that no trained net has: NaN, infinities, negative variances.

Asked of the tensors, because the logits may not tell: Paddle's CPU relu and max pool
swallow the NaN that a negative variance's root is (measured with paddlepaddle 3.3.1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ppim_port.errors import CheckpointError
from ppim_port.mapping.rules import LEAVES
from ppim_port.state_dict import Array, nonfinite_keys

# The frameworks' own names: publishers rename layers, never a layer's tensors.
VARIANCES = frozenset(
    name
    for leaves in LEAVES.values()
    for leaf in leaves
    if leaf.variance
    for name in (leaf.torch, leaf.paddle)
)
# Keras numbers a layer's tensors, so only the class says that its fourth is a variance.
KERAS_VARIANCE = re.compile(r"(?:.*/)?batch_normalization(?:_\d+)?/vars/3")


def bad_values(state: Mapping[str, Array]) -> str:
    """What is wrong with a state dict's values, every key named; empty if nothing.

    Args:
        state: tensors of either framework, under any publisher's names.
    """
    found = {
        "NaN or infinities": nonfinite_keys(state),
        "negative variances": negative_variances(state),
    }
    return "; ".join(
        f"{what} in {', '.join(keys)}" for what, keys in found.items() if keys
    )


def negative_variances(state: Mapping[str, Array]) -> list[str]:
    """Keys of the variances that hold a value below zero."""
    return [
        key for key, value in state.items() if _is_variance(key) and (value < 0).any()
    ]


def _is_variance(key: str) -> bool:
    return key.rpartition(".")[2] in VARIANCES or bool(KERAS_VARIANCE.fullmatch(key))


def refuse_bad_values(state: Mapping[str, Array], where: str, advice: str) -> None:
    """Accept a state dict's values, or name every key that has impossible ones.

    Args:
        state: tensors of either framework, under any publisher's names.
        where: the file, for the message.
        advice: what was done, and what to do next.

    Raises:
        CheckpointError: NaN, infinities or negative variances.
    """
    if bad := bad_values(state):
        message = f"{where}: {bad}. {advice}"
        raise CheckpointError(message)
