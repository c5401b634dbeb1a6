"""The nets of Keras' involution example in Keras 3, on any of its backends.

Functional models with the layers of `torch_net.py` under the same names. Their weights
files have the groups of the example's own, which come from the layers' classes.
"""

from __future__ import annotations

from typing import Any

import keras

from ppim_port.models.involution_cifar.family import (
    EPSILON,
    HIDDEN,
    IMAGE_CHANNELS,
    IMAGE_SIZE,
    KERNEL_SIZE,
    MOMENTUM,
    REDUCTION,
    InvolutionCifarConfig,
)
from ppim_port.ops.involution_keras import Involution

LAST = "channels_last"


def build(config: InvolutionCifarConfig, *, dtype: str = "float32") -> Any:
    """The net with Keras' own initial weights.

    Args:
        config: variant and classes.
        dtype: of its weights and of what it computes.

    Returns:
        A `keras.Model`: images `[N, 32, 32, 3]`, pixels / 255, to logits
        `[N, num_classes]`.
    """
    layers = keras.layers
    shape = (IMAGE_SIZE, IMAGE_SIZE, IMAGE_CHANNELS)
    images = keras.Input(shape, name="images", dtype=dtype)
    x = images
    for place, channels in enumerate(config.channels, 1):
        x = _mix(config, channels, f"mix{place}", dtype)(x)
        x = layers.ReLU(name=f"relu{place}", dtype=dtype)(x)
        if place < len(config.channels):
            pool = f"pool{place}"
            x = layers.MaxPooling2D(2, data_format=LAST, name=pool, dtype=dtype)(x)
    x = layers.Flatten(data_format=LAST, name="flatten", dtype=dtype)(x)
    x = layers.Dense(HIDDEN, name="fc1", dtype=dtype)(x)
    x = layers.ReLU(name="relu4", dtype=dtype)(x)
    logits = layers.Dense(config.num_classes, name="fc2", dtype=dtype)(x)
    net = keras.Model(
        images, logits, name=f"{config.variant}_cifar{config.num_classes}"
    )
    # Its own is Keras' setting, to which it would round its input (Keras 3.15.1).
    net.dtype_policy = dtype
    return net


def _mix(config: InvolutionCifarConfig, channels: int, name: str, dtype: str) -> Any:
    """What mixes a place with its neighbours."""
    if config.variant == "involution":
        return Involution(
            channels,
            kernel_size=KERNEL_SIZE,
            reduction_ratio=REDUCTION,
            momentum=1 - MOMENTUM,
            epsilon=EPSILON,
            name=name,
            dtype=dtype,
        )
    return keras.layers.Conv2D(
        channels,
        KERNEL_SIZE,
        padding="same",
        data_format=LAST,
        name=name,
        dtype=dtype,
    )
