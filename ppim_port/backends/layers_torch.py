"""Read the settings off PyTorch's layers; mirrors `layers_paddle.py`.

By the class's name and the attributes that its `forward` uses, so that this file needs
no framework.
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
from ppim_port.pairs.records import Setting


def _conv(layer: Any) -> Settings:
    return {
        "in": layer.in_channels,
        "out": layer.out_channels,
        "kernel": both(layer.kernel_size),
        "stride": both(layer.stride),
        "padding": layer.padding
        if isinstance(layer.padding, str)
        else both(layer.padding),
        "padding_mode": layer.padding_mode,
        "dilation": both(layer.dilation),
        "groups": layer.groups,
        "bias": layer.bias is not None,
    }


def _batch_norm(layer: Any) -> Settings:
    return {
        "channels": layer.num_features,
        "eps": layer.eps,
        "momentum": "cumulative"
        if layer.momentum is None
        else round(layer.momentum, 12),
        "running_statistics": layer.track_running_stats,
    }


def _linear(layer: Any) -> Settings:
    return {
        "in": layer.in_features,
        "out": layer.out_features,
        "bias": layer.bias is not None,
    }


def _max_pool(layer: Any) -> Settings:
    settings = pooling(
        both(layer.kernel_size),
        both(layer.stride),
        both(layer.padding),
        ceil_mode=layer.ceil_mode,
    )
    return {**settings, "dilation": both(layer.dilation)}


def _avg_pool(layer: Any) -> Settings:
    settings = pooling(
        both(layer.kernel_size),
        both(layer.stride),
        both(layer.padding),
        ceil_mode=layer.ceil_mode,
        count_include_pad=layer.count_include_pad,
    )
    return {**settings, "divisor": layer.divisor_override or 0}


def _adaptive(layer: Any) -> Settings:
    return {"size": both(layer.output_size)}


def _dropout(layer: Any) -> Settings:
    return {"p": layer.p, "mode": "upscale_in_train"}


READERS: Readers = {
    "Conv2d": ("conv", _conv),
    "ConvAWS2d": ("conv_aws", _conv),
    "SAConv2d": ("saconv", _conv),
    "BatchNorm2d": ("batch_norm", _batch_norm),
    "Linear": ("linear", _linear),
    "MaxPool2d": ("max_pool", _max_pool),
    "AvgPool2d": ("avg_pool", _avg_pool),
    "AdaptiveAvgPool2d": ("adaptive_avg_pool", _adaptive),
    "Dropout": ("dropout", _dropout),
    "ReLU": ("relu", nothing),
    "ReLU6": ("relu6", nothing),
    "Hardswish": ("hardswish", nothing),
    "Hardsigmoid": ("hardsigmoid", nothing),
    "Identity": ("identity", nothing),
    "Involution": ("involution", involution),
}

ATTRIBUTES = {"kernel": "kernel_size"}
"""A setting -> the attribute that holds it, where that has another name."""


def alter(layer: Any, setting: str, value: Setting) -> Callable[[], None]:
    """Set a live layer wrongly; the answer undoes it."""
    return replaced(layer, ATTRIBUTES.get(setting, setting), value)
