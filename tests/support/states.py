"""Made-up weights of any RedNet, in any spelling, without a framework.

The value of a tensor depends on its layer, its role and the seed alone: the same net
spelled for PyTorch and for Paddle holds the same numbers, so that a port can be
checked without asking the code that ports. Layouts and names are therefore restated
here instead of taken from `ppim_port.mapping`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import prod
from typing import Literal, TypeAlias
from zlib import crc32

import numpy as np

from ppim_port.models.family import Config, Layer, load_family
from ppim_port.models.rednet.family import RedNetConfig
from ppim_port.state_dict import Array, StateDict

Spelling: TypeAlias = Literal["torch", "paddle", "keras", "official"]

# Keys in the source, dropped, and in the target, and parameters: as published, and
# as counted in the released code with torch 2.13.0.
PUBLISHED_COUNTS = {
    "26": (251, 40, 211, 9_233_166),
    "38": (351, 56, 295, 12_386_986),
    "50": (451, 72, 379, 15_540_806),
    "101": (876, 140, 736, 25_652_950),
    "152": (1301, 208, 1093, 33_984_582),
}
VARIANTS = tuple(PUBLISHED_COUNTS)

STARTED = ("switch", "context")
_PADDLE_NAMES = {"running_mean": "_mean", "running_var": "_variance"}
_KERAS_NUMBERS = {"weight": 0, "bias": 1, "running_mean": 2, "running_var": 3}


def rednet(
    variant: str = "26", *, num_classes: int = 1000, stem_kernel_size: int = 3
) -> RedNetConfig:
    """A RedNet's configuration."""
    return RedNetConfig(variant, num_classes, stem_kernel_size)


def layers_of(config: Config) -> tuple[Layer, ...]:
    """The layers of a net that own tensors."""
    return load_family(config.family).layers(config)


def made_state(
    config: Config, spelling: Spelling = "torch", *, seed: int = 0
) -> StateDict:
    """Weights that a trained net could have, the variances positive; to be changed."""
    made = _made_state(config, spelling, seed)
    return {key: value.copy() for key, value in made.items()}


# Ten million random numbers take fifty times as long as a copy of them.
@lru_cache(maxsize=4)
def _made_state(config: Config, spelling: Spelling, seed: int) -> StateDict:
    state = {}
    for layer in layers_of(config):
        for leaf, value in _tensors(layer, seed):
            state[_key(layer, leaf, spelling)] = _laid_out(layer, value, spelling)
    return {key: value for key, value in state.items() if key}


def without_starts(state: StateDict, config: Config) -> StateDict:
    """Only what a plain net has: no tensor that a port can start from it."""
    parts = ("weight_diff", "weight_gamma", "weight_beta")
    beside = tuple(f"{x.name}." for x in layers_of(config) if x.kind in STARTED)
    return {
        key: value
        for key, value in state.items()
        if not key.startswith(beside) and not key.endswith(parts)
    }


def _tensors(layer: Layer, seed: int) -> Iterator[tuple[str, Array]]:
    def rng(leaf: str) -> np.random.Generator:
        return np.random.default_rng([seed, crc32(f"{layer.name}.{leaf}".encode())])

    channels = layer.shape[:1]
    if layer.kind == "batch_norm":
        # Small where a block joins its shortcut: fifty blocks in a row stay finite.
        gain = 0.2 if layer.name.endswith("bn3") else 1
        yield "weight", _float32(rng("weight").uniform(0.5, 1.5, channels) * gain)
        yield "bias", _float32(rng("bias").normal(0, 0.1, channels))
        yield "running_mean", _float32(rng("running_mean").normal(0, 0.1, channels))
        yield "running_var", _float32(rng("running_var").uniform(0.5, 1.5, channels))
        yield "num_batches_tracked", np.array(seed + 1, np.int64)
        return
    # An involution multiplies its input by kernels made from it, and the next one that
    # product again: unless the kernels are small, 16 blocks overflow.
    pointwise = layer.shape[2:] == (1, 1)
    makes_kernels = layer.kind == "conv" and layer.bias and pointwise
    scale = (2 / prod(layer.shape[1:])) ** 0.5 * (0.02 if makes_kernels else 1)
    if layer.kind in ("switch", "context"):
        scale *= 0.1
    yield "weight", _float32(rng("weight").normal(0, scale, layer.shape))
    if layer.bias:
        yield "bias", _float32(rng("bias").normal(0, 0.1, channels))
    if layer.kind == "saconv":
        diff = rng("weight_diff").normal(0, 0.2 * scale, layer.shape)
        yield "weight_diff", _float32(diff)
    if layer.kind in ("saconv", "conv_aws"):
        one_a_filter = (*channels, 1, 1, 1)
        gamma = rng("weight_gamma").uniform(0.5 * scale, 1.5 * scale, one_a_filter)
        yield "weight_gamma", _float32(gamma)
        beta = rng("weight_beta").normal(0, 0.1 * scale, one_a_filter)
        yield "weight_beta", _float32(beta)


def _float32(value: Array) -> Array:
    return value.astype(np.float32)


def _key(layer: Layer, leaf: str, spelling: Spelling) -> str:
    """The key of a tensor, empty if the spelling has no such tensor."""
    if spelling in ("paddle", "keras") and leaf == "num_batches_tracked":
        return ""
    if spelling == "keras":
        return f"{layer.keras}/vars/{_KERAS_NUMBERS[leaf]}"
    if spelling == "paddle":
        return f"{layer.name}.{_PADDLE_NAMES.get(leaf, leaf)}"
    prefix = "head." if layer.name == "fc" else "backbone."
    return f"{prefix if spelling == 'official' else ''}{layer.name}.{leaf}"


def _laid_out(layer: Layer, value: Array, spelling: Spelling) -> Array:
    swapped = spelling in ("paddle", "keras")
    if layer.kind == "linear" and value.ndim == 2 and swapped:
        return np.ascontiguousarray(value.T)
    if layer.kind == "conv" and value.ndim == 4 and spelling == "keras":
        return np.ascontiguousarray(value.transpose(2, 3, 1, 0))
    return value
