"""Batch norm's usual mistakes, as changes of its tensors, in either framework's names.

Another epsilon is another variance: only their sum counts.
"""

from __future__ import annotations

import numpy as np

from ppim_port.state_dict import StateDict

RIGHT_EPSILON = 1e-5
WRONG_EPSILON = 1e-3
_MEANS = ("running_mean", "_mean")
_VARIANCES = ("running_var", "_variance")


def with_epsilon(state: StateDict) -> StateDict:
    """What the net computes if its batch norms add 1e-3."""
    more = np.float32(WRONG_EPSILON - RIGHT_EPSILON)
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
