"""Seeded weights that a trained net could have, for the verification's own test.

They are nobody's weights. Two scales keep activations finite through fifty blocks: a
convolution with a bias makes an involution's kernels, which multiply what they were
made from; and batch norms halve, or what the blocks add to their shortcuts adds up.
"""

from __future__ import annotations

from math import prod
from zlib import crc32

import numpy as np

from ppim_port.mapping import TensorSpec, tensors
from ppim_port.models.family import Config, load_family
from ppim_port.state_dict import Array, StateDict

KERNEL_SCALE = 0.02
NORM_SCALE = 0.5


def seeded_state(config: Config, seed: int) -> StateDict:
    """A state dict in PyTorch's names; a key's numbers depend on it and the seed."""
    layers = load_family(config.family).layers(config)
    return {spec.key: _values(spec, seed) for spec in tensors(layers, "torch")}


def _values(spec: TensorSpec, seed: int) -> Array:
    rng = np.random.default_rng([seed, crc32(spec.key.encode())])
    leaf, shape = spec.leaf, spec.shape
    if leaf.counter:
        return np.array(1000 + seed, np.int64)
    if spec.layer.kind == "batch_norm":
        value = rng.normal(0, 0.1, shape)
        if leaf.variance:
            value = rng.uniform(0.5, 1.5, shape)
        elif leaf.torch == "weight":
            value = NORM_SCALE * rng.uniform(0.5, 1.5, shape)
    elif leaf.is_bias:
        value = rng.normal(0, 0.1, shape)
    elif leaf.start:
        value = _beside(spec, rng)
    else:
        makes_kernels = spec.layer.kind == "conv" and spec.layer.bias
        gain = KERNEL_SCALE if makes_kernels else 1.0
        value = rng.normal(0, gain * (2 / prod(shape[1:])) ** 0.5, shape)
    return value.astype(np.float32)


def _beside(spec: TensorSpec, rng: np.random.Generator) -> Array:
    """What a switchable convolution has beyond a plain one: filters stay as large."""
    usual: float = (2 / prod(spec.layer.shape[1:])) ** 0.5
    if spec.leaf.start == "deviation":
        return rng.uniform(0.5 * usual, 1.5 * usual, spec.shape)
    return rng.normal(0, 0.1 * usual, spec.shape)
