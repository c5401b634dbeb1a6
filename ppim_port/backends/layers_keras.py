"""Read the settings off Keras' layers, in PyTorch's conventions.

By the class's name and attributes, so that this file needs no framework. Keras'
"same" padding is written as PyTorch's numbers where it is their equal: at stride 1,
with an odd kernel.
"""

from __future__ import annotations

from typing import Any

from ppim_port.backends.layers import (
    LayerDescription,
    Layers,
    Readers,
    Settings,
    both,
    nothing,
)
from ppim_port.backends.walk_keras import walk
from ppim_port.pairs.drafting import pooling
from ppim_port.pairs.records import Setting

# They reshape; the logits tell whether they do it in the right order.
SILENT = ("InputLayer", "Flatten")


def _padding(layer: Any) -> Setting:
    kernel, strides = both(layer.kernel_size), both(layer.strides)
    if layer.padding == "valid":
        return (0, 0)
    plain = set(strides) == {1} and all(size % 2 for size in kernel)
    if layer.padding == "same" and plain and both(layer.dilation_rate) == (1, 1):
        return tuple((size - 1) // 2 for size in kernel)
    return str(layer.padding)


def _conv(layer: Any) -> Settings:
    *_, inputs, outputs = layer.kernel.shape
    return {
        "in": inputs * layer.groups,
        "out": outputs,
        "kernel": both(layer.kernel_size),
        "stride": both(layer.strides),
        "padding": _padding(layer),
        "padding_mode": "zeros",
        "dilation": both(layer.dilation_rate),
        "groups": layer.groups,
        "bias": layer.use_bias,
    }


def _batch_norm(layer: Any) -> Settings:
    return {
        "channels": layer.moving_mean.shape[0],
        "eps": layer.epsilon,
        # What Keras keeps of the old value, torch takes of the new one.
        "momentum": round(1 - layer.momentum, 12),
        "running_statistics": True,
    }


def _linear(layer: Any) -> Settings:
    inputs, outputs = layer.kernel.shape
    return {"in": inputs, "out": outputs, "bias": layer.use_bias}


def _max_pool(layer: Any) -> Settings:
    # "same" is no padding and ceil mode but for where the windows lie; kept apart.
    settings = pooling(
        both(layer.pool_size), both(layer.strides), (0, 0), ceil_mode=False
    )
    padded = {} if layer.padding == "valid" else {"padding": layer.padding}
    return {**settings, **padded, "dilation": (1, 1)}


def _involution(layer: Any) -> Settings:
    settings: dict[str, Setting] = {
        "kernel": layer.kernel_size,
        "stride": layer.stride,
        "dilation": 1,
        "groups": layer.group_number,
    }
    # With one group and stride 1 both conventions are the same arithmetic.
    if layer.convention != "paper" and (layer.stride, layer.group_number) != (1, 1):
        settings["convention"] = layer.convention
    return settings


READERS: Readers = {
    "Conv2D": ("conv", _conv),
    "BatchNormalization": ("batch_norm", _batch_norm),
    "Dense": ("linear", _linear),
    "MaxPooling2D": ("max_pool", _max_pool),
    "ReLU": ("relu", nothing),
    "Involution": ("involution", _involution),
}


def described(model: Any) -> Layers:
    """The layers of a net that have settings of their own; see `Backend.describe`."""
    places = [place for place in walk(model) if place.name]
    holders = {place.name.rpartition(".")[0] for place in places}
    found = {}
    for place in places:
        class_name = type(place.layer).__name__
        if class_name in READERS and _is_plain(place.layer):
            kind, read = READERS[class_name]
            # A Keras net trains when it is called so, not by a state of its own.
            settings = {**read(place.layer), "training": False}
            found[place.name] = LayerDescription(kind, settings, class_name)
        elif place.name not in holders and class_name not in SILENT:
            found[place.name] = LayerDescription(None, {}, class_name)
    return found


def _is_plain(layer: Any) -> bool:
    """Whether a layer does no more than its class says: activations are layers here."""
    activation = getattr(layer, "activation", None)
    slopes = [getattr(layer, n, None) for n in ("max_value", "negative_slope")]
    linear = activation is None or getattr(activation, "__name__", "") == "linear"
    return linear and not any(slopes) and not getattr(layer, "threshold", 0)
