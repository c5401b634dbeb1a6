"""Batch norm's usual mistakes, as changes of its tensors, in either framework's names.

Another epsilon is another variance: only their sum counts.
"""

from __future__ import annotations

import numpy as np

from ppim_port.state_dict import StateDict

# The usual ones: PyTorch's and Paddle's own, and TensorFlow's.
EPSILONS = (1e-5, 1e-3)
_MEANS = ("running_mean", "_mean")
_VARIANCES = ("running_var", "_variance")


def other_epsilon(right: float) -> float:
    """The usual epsilon that a net's own is most easily mistaken for."""
    return max(EPSILONS, key=lambda usual: abs(np.log(usual / right)))


def with_epsilon(state: StateDict, *, right: float, wrong: float) -> StateDict:
    """What the net, whose own epsilon is `right`, computes if it adds `wrong`.

    A variance below the difference becomes negative; its sum with `right` does not.
    """
    more = np.float32(wrong - right)
    return {
        key: value + more if _leaf(key) in _VARIANCES else value
        for key, value in state.items()
    }


def reset(state: StateDict) -> StateDict:
    """Running means 0 and variances 1, as in a net that was never trained."""
    fresh = dict(state)
    for key, value in state.items():
        if _leaf(key) in _MEANS:
            fresh[key] = np.zeros_like(value)
        if _leaf(key) in _VARIANCES:
            fresh[key] = np.ones_like(value)
    return fresh


def _leaf(key: str) -> str:
    return key.rpartition(".")[2]
