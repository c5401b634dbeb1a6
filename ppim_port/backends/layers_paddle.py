"""Read the settings off Paddle's layers; mirrors `layers_torch.py`.

By the class's name and the attributes that its `forward` uses (a convolution's
`_padding` is not among them), so that this file needs no framework.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ppim_port.backends.layers import (
    Readers,
    Settings,
    both,
    involution,
    nothing,
    replaced,
)
from ppim_port.pairs.drafting import pooling


def _conv(layer: Any) -> Settings:
    explicit = layer._padding_algorithm == "EXPLICIT"
    return {
        "in": layer._in_channels,
        "out": layer._out_channels,
        "kernel": both(layer._kernel_size),
        "stride": both(layer._stride),
        "padding": both(layer._updated_padding)
        if explicit
        else layer._padding_algorithm.lower(),
        "padding_mode": layer._padding_mode,
        "dilation": both(layer._dilation),
        "groups": layer._groups,
        "bias": layer.bias is not None,
    }


def _batch_norm(layer: Any) -> Settings:
    return {
        "channels": layer._num_features,
        "eps": layer._epsilon,
        # What Paddle keeps of the old value, torch takes of the new one.
        "momentum": round(1 - layer._momentum, 12),
        # None takes the running ones in evaluation, False never.
        "running_statistics": layer._use_global_stats is not False,
    }


def _linear(layer: Any) -> Settings:
    inputs, outputs = layer.weight.shape
    return {"in": inputs, "out": outputs, "bias": layer.bias is not None}


def _max_pool(layer: Any) -> Settings:
    settings = pooling(
        both(layer.ksize),
        both(layer.ksize if layer.stride is None else layer.stride),
        both(layer.padding),
        ceil_mode=layer.ceil_mode,
    )
    return {**settings, "dilation": (1, 1)}


def _avg_pool(layer: Any) -> Settings:
    settings = pooling(
        both(layer.ksize),
        both(layer.ksize if layer.stride is None else layer.stride),
        both(layer.padding),
        ceil_mode=layer.ceil_mode,
        count_include_pad=not layer.exclusive,
    )
    return {**settings, "divisor": layer.divisor or 0}


def _adaptive(layer: Any) -> Settings:
    return {"size": both(layer._output_size)}


def _dropout(layer: Any) -> Settings:
    return {"p": layer.p, "mode": layer.mode}


READERS: Readers = {
    "Conv2D": ("conv", _conv),
    "ConvAWS2d": ("conv_aws", _conv),
    "SAConv2d": ("saconv", _conv),
    "BatchNorm2D": ("batch_norm", _batch_norm),
    "Linear": ("linear", _linear),
    "MaxPool2D": ("max_pool", _max_pool),
    "AvgPool2D": ("avg_pool", _avg_pool),
    "AdaptiveAvgPool2D": ("adaptive_avg_pool", _adaptive),
    "Dropout": ("dropout", _dropout),
    "ReLU": ("relu", nothing),
    "ReLU6": ("relu6", nothing),
    "Hardswish": ("hardswish", nothing),
    "Hardsigmoid": ("hardsigmoid", nothing),
    "Identity": ("identity", nothing),
    "Involution": ("involution", involution),
}

_CONV = {"stride": "_stride", "padding": "_updated_padding", "dilation": "_dilation"}

ATTRIBUTES = {
    "Conv2D": _CONV,
    "ConvAWS2d": _CONV,
    "SAConv2d": _CONV,
    "BatchNorm2D": {"eps": "_epsilon", "momentum": "_momentum"},
    "MaxPool2D": {"kernel": "ksize"},
    "AvgPool2D": {"kernel": "ksize"},
    "Involution": {"kernel": "kernel_size"},
}
"""A layer's class and setting -> the attribute that holds it, if of another name."""


def alter(layer: Any, setting: str, value: Any) -> Callable[[], None]:
    """Set a live layer wrongly; the answer undoes it."""
    names = ATTRIBUTES.get(type(layer).__name__, {})
    ours = 1 - value if setting == "momentum" else value
    return replaced(layer, names.get(setting, setting), ours)
